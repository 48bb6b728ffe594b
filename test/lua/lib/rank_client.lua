--- Asks the rankings of a node by HTTP, on one connection that is kept.
local cjson = require "cjson"
local socket = require "skynet.socket"

local rank_client = {}

local function escape(text)
	return (tostring(text):gsub("[^%w]", function(c) return string.format("%%%02x", c:byte()) end))
end

---@param port integer
function rank_client.new(port)
	local self = { connections = 0 }
	local fd

	local function read_answer(is_head)
		local line = socket.readline(fd, "\r\n")
		if not line then return nil end
		local fields = {}
		for field in function() return socket.readline(fd, "\r\n") end do
			if field == "" then break end
			local name, value = field:match "^([^:]+):%s*(.*)$"
			fields[name:lower()] = value
		end
		local length = tonumber(fields["content-length"] or 0)
		local body = (length == 0 or is_head) and "" or socket.read(fd, length)
		if fields.connection == "close" then
			socket.close(fd)
			fd = nil
		end
		return tonumber(line:match "^HTTP/1%.1 (%d+)"), body, fields
	end

	--- Sends a text; the answer to it: status, body and fields. `is_head`: it has no body, whatever it says.
	function self.send(text, is_head)
		if not fd then
			fd = assert(socket.open("127.0.0.1", port))
			self.connections = self.connections + 1
		end
		socket.write(fd, text)
		return read_answer(is_head)
	end

	function self.raw(method, path, body)
		return self.send(string.format("%s %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s", method, path, #(body or ""), body or ""))
	end

	--- The answer to a GET, as a table.
	function self.get(path, query)
		local parts = {}
		for name, value in pairs(query) do parts[#parts + 1] = escape(name) .. "=" .. escape(value) end
		local _, body = self.raw("GET", path .. "?" .. table.concat(parts, "&"))
		return cjson.decode(body)
	end

	--- The answer to a POST of a table, as a table.
	function self.post(path, given)
		local _, body = self.raw("POST", path, cjson.encode(given))
		return cjson.decode(body)
	end

	return self
end

return rank_client
