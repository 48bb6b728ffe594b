--- The first line that a shell command prints.
---@param command string
---@return string?
return function(command)
	local pipe = assert(io.popen(command))
	local line = pipe:read "*l"
	pipe:close()
	return line
end
