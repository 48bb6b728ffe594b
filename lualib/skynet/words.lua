--- Any text as one word, and back: the arguments of a service are words between blanks.
local words = {}

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
