--- Texts of strangers, for the log: a line break in one of them must not look like a line of ours.

local function escape(c)
	return string.format("\\x%02x", c:byte())
end

--- The text with its control characters as \xNN.
---@param text string
---@return string
return function(text)
	return (text:gsub("[%z\1-\31\127]", escape))
end
