--- A stream of changes. Call it for the next message, or use it in a `for`:
---
---     for body in client:watch "key" do
---         for _, event in ipairs(body.result.events or {}) do ... end
---     end
local decode = require "etcd.decode"

---@class etcd.watch
---@field stream http.stream  the connection; `stream:close()` ends the watch
---@field private buffer string  what has come of the next message
---@field private on_end fun(broken: boolean)
---@field private ended any  why it has ended
local watch = {}
watch.__index = watch

---@param stream http.stream
---@param on_end fun(broken: boolean)  called once
---@return etcd.watch
function watch.new(stream, on_end)
	return setmetatable({ stream = stream, buffer = "", on_end = on_end }, watch)
end

-- Messages are lines, but chunks of the stream may end anywhere.
local function next_message(self)
	while true do
		local line, rest = self.buffer:match "^([^\n]*)\n(.*)$"
		if line then
			self.buffer = rest
			if line:find "%S" then return decode.object(line) end
		else
			local whole = self.buffer:find "}%s*$" and decode.object(self.buffer)
			if whole then
				self.buffer = ""
				return whole
			end
			local chunk = self.stream()
			if not chunk then return nil, "closed" end
			self.buffer = self.buffer .. chunk
		end
	end
end

--- The next message. The first one has `result.created`, and no events.
---@async
---@return table? body  `result.events`: { type = "PUT"|"DELETE", kv = { key, value, ... }, prev_kv }
---@return any err  why there is none: the watch has ended
---@return http.stream? stream
function watch:__call()
	if self.ended then return nil, self.ended end
	local ok, body, reason = pcall(next_message, self)
	local err
	if not ok then
		err = body
	elseif not body then
		err = reason == "closed" and "closed, status " .. tostring(self.stream.status) or "decode json failed"
	elseif decode.given(body.error) ~= nil then
		err = body.error
	elseif not decode.message(body) then
		err = "malformed answer: a message of the watch"
	end
	if err then
		self:finish(err, true)
		return nil, err
	end
	return body, nil, self.stream
end

---@private
function watch:finish(why, broken)
	if self.ended then return end
	self.ended = why
	self.buffer = ""
	self.stream:close()
	self.on_end(broken)
end

--- Ends the watch.
function watch:close()
	self:finish("closed", false)
end
watch.__close = watch.close

return watch
