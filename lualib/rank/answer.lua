--- Answers of lualib/rank/api.lua as clients get them: a table for another service, JSON text for HTTP.
local info = require "rank.info"

local answer = {}

local function element(list, at)
	local text = list[at + 2]
	return { uid = list[at], score = list[at + 1], info = text and info.decode(text) or nil }
end

--- The players of an answer as objects.
---@param given table
---@return table
function answer.table(given)
	local made = {}
	for key, value in pairs(given) do made[key] = value end
	if given.element then made.element = element(given.element, 1) end
	if given.elements then
		made.elements = {}
		for at = 1, #given.elements, 3 do made.elements[#made.elements + 1] = element(given.elements, at) end
	end
	return made
end

-- Adds a player behind the first n parts; how many there are then. An info is JSON text already.
local function write_element(parts, n, list, at)
	local score, text = list[at + 1], list[at + 2]
	parts[n + 1] = '{"uid":'
	parts[n + 2] = info.encode(list[at])
	parts[n + 3] = ',"score":'
	parts[n + 4] = score == math.floor(score) and string.format("%d", score) or info.encode(score)
	if not text then
		parts[n + 5] = "}"
		return n + 5
	end
	parts[n + 5], parts[n + 6], parts[n + 7] = ',"info":', text, "}"
	return n + 7
end

--- The JSON text of an answer.
---@param given table
---@return string
function answer.json(given)
	local parts = { '{"code":', info.encode(given.code) }
	if given.message then parts[3] = ',"message":' .. info.encode(given.message) end
	if given.rank then parts[#parts + 1] = string.format(',"rank":%d', given.rank) end
	if given.start then parts[#parts + 1] = string.format(',"start":%d', given.start) end
	if given.element then
		parts[#parts + 1] = ',"element":'
		write_element(parts, #parts, given.element, 1)
	end
	if given.elements then
		parts[#parts + 1] = ',"elements":['
		local n = #parts
		for at = 1, #given.elements, 3 do
			if at > 1 then
				n = n + 1
				parts[n] = ","
			end
			n = write_element(parts, n, given.elements, at)
		end
		parts[n + 1] = "]"
	end
	parts[#parts + 1] = "}"
	return table.concat(parts)
end

return answer
