--- The arguments of a service are words between blanks: any text as one word, and back, and words as a line.
local engine = require "skynet.engine"

local words = {}

--- The words as one line, without the nils at the end. Raises for anything else that is no word, also for a nil in the
--- middle: what came after it would be lost.
---@param ... string|number
---@return string
function words.join(...)
	local list, count = { ... }, select("#", ...)
	while count > 0 and list[count] == nil do count = count - 1 end
	for i = 1, count do
		list[i] = engine.written(list[i])
		local kind = type(list[i])
		if kind ~= "string" and kind ~= "number" then
			error(string.format("a service is started with strings and numbers; behind '%s' comes a %s",
				table.concat(list, " ", 1, i - 1), kind))
		end
	end
	return table.concat(list, " ", 1, count)
end

--- The text as a word: what is not plain becomes %XX.
---@param text string
---@return string
function words.quote(text)
	return (text:gsub("[^%w_.@:-]", function(c) return string.format("%%%02X", c:byte()) end))
end

---@param word string
---@return string
function words.unquote(word)
	return (word:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

return words
