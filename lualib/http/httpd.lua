--- The server's side of HTTP/1: a request in, a response out, over read and write functions.
local internal = require "http.internal"
local parser = require "skynet.http.parser"

local httpd = {}

-- As many results as skynet has: internal.read_request knows the version, too.
local function results(ok, code, url, method, header, body)
	if not ok then return nil, code end
	if code ~= 200 then return code end
	return code, url, method, header, body
end

--- Reads one request; bytes of the next one stay for the next call. Answers `Expect: 100-continue` where the
--- read function comes from sockethelper or tlshelper; writes nothing else.
---@async
---@param read fun(n?: integer): string  exactly n bytes, or at least one; raises when the stream ends
---@param bodylimit? integer  bytes; nil: none
---@return integer? code  200; 400, 413, 501, 505: to be answered, nothing else is returned, and the connection is to
---                       be closed: where the next request begins is not known; nil: see `url`
---@return string|any url  raw; or what was raised when the stream ended or the request line is malformed
---@return string method
---@return table<string, string|string[]> header  names in lower case
---@return string body
function httpd.read_request(read, bodylimit)
	return results(pcall(internal.read_request, read, bodylimit))
end

local function write_chunks(write, next_part)
	for part in next_part do
		if part ~= "" then write(string.format("%x\r\n", #part) .. part .. "\r\n") end
	end
	write "0\r\n\r\n"
end

local function respond(write, status, body, header)
	local code = tonumber(status)
	if not code then error("the status of a response is a number, not " .. tostring(status)) end
	local kind = type(body)
	-- These have none: its bytes would be taken for the next answer.
	if code == 204 or code == 304 or (code >= 100 and code < 200) then body, kind = nil, "nil" end
	if kind == "string" or kind == "nil" then
		write(parser.format_response(code, header, body))
	elseif kind == "function" then
		write(parser.format_response(code, header, true))
		write_chunks(write, body)
	else
		error("the body of a response is a string or a function, not a " .. kind)
	end
end

--- Writes one response; with a text or without a body in one write.
---@async
---@param write fun(bytes: string)
---@param code integer|string  a string of digits will do, as in skynet
---@param body? string|fun(): string?  a function: chunked, until it returns nil
---@param header? table<string, any>  a list value is one line each
---@return boolean ok
---@return any err  what was raised
function httpd.write_response(write, code, body, header)
	local ok, err = pcall(respond, write, code, body, header)
	if ok then return true end
	return false, err
end

return httpd
