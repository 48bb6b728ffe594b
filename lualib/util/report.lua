--- Prints values, with blanks between them, by what the program shows as `print` at the moment: a service may collect
--- what is printed.
---@param ... any
return function(...)
	local parts = { ... }
	for i = 1, select("#", ...) do
		parts[i] = tostring(parts[i])
	end
	print(table.concat(parts, " "))
end
