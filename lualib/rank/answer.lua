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

-- An info is JSON text already.
local function element_json(list, at)
	local score, text = list[at + 1], list[at + 2]
	score = score == math.floor(score) and string.format("%d", score) or info.encode(score)
	return '{"uid":' .. info.encode(list[at]) .. ',"score":' .. score .. (text and ',"info":' .. text or "") .. "}"
end

--- The JSON text of an answer.
---@param given table
---@return string
function answer.json(given)
	local parts = { '"code":' .. info.encode(given.code) }
	for _, name in ipairs { "message", "rank", "start" } do
		if given[name] then parts[#parts + 1] = string.format('"%s":%s', name, info.encode(given[name])) end
	end
	if given.element then parts[#parts + 1] = '"element":' .. element_json(given.element, 1) end
	if given.elements then
		local elements = {}
		for at = 1, #given.elements, 3 do elements[#elements + 1] = element_json(given.elements, at) end
		parts[#parts + 1] = '"elements":[' .. table.concat(elements, ",") .. "]"
	end
	return "{" .. table.concat(parts, ",") .. "}"
end

return answer
