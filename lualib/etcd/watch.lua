--- A stream of changes. Call it for the next message, or use it in a `for`:
---
---     for body in client:watch "key" do
---         for _, event in ipairs(body.result.events or {}) do ... end
---     end
local crypt = require "skynet.crypt"
local json = require "cjson.safe"

---@class etcd.watch
---@field stream http.stream  the connection; `stream:close()` ends the watch
---@field private buffer string  what has come of the next message
---@field private on_end fun(broken: boolean)
local watch = {}
watch.__index = watch

--- Keys and values of a pair as they were before etcd's gateway encoded them. A value that is no JSON stays text.
---@param pair? table
function watch.decode_pair(pair)
	if not pair then return end
	if pair.key then pair.key = crypt.base64decode(pair.key) end
	if pair.value then
		local text = crypt.base64decode(pair.value)
		local value = json.decode(text)
		if value == nil then value = text end
		pair.value = value
	end
end

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
			if line:find "%S" then return json.decode(line) end
		else
			local whole = self.buffer:find "}%s*$" and json.decode(self.buffer)
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
	local ok, body, reason = pcall(next_message, self)
	if not ok or type(body) ~= "table" then
		self:finish(true)
		return nil, not ok and body or reason == "closed" and "closed, status " .. tostring(self.stream.status)
			or "decode json failed"
	end
	if body.error then
		self:finish(true)
		return nil, body.error
	end
	for _, event in ipairs(body.result and body.result.events or {}) do
		event.type = event.type or "PUT" -- the gateway leaves default values out
		watch.decode_pair(event.kv)
		watch.decode_pair(event.prev_kv)
	end
	return body, nil, self.stream
end

---@private
function watch:finish(broken)
	if not self.on_end then return end
	local on_end = self.on_end
	self.on_end = nil
	self.stream:close()
	on_end(broken)
end

--- Ends the watch.
function watch:close()
	self:finish(false)
end
watch.__close = watch.close

return watch
