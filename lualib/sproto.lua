--- sproto: structures as bytes, after a schema; and requests with answers over a stream of such messages.
---   local sp = sproto.parse ".Person { name 0 : string  age 1 : integer }"
---   local bytes = sp:encode("Person", { name = "Alice", age = 13 })
---   print(sp:decode("Person", bytes).name)
local core = require "sproto.core"

local sproto = {}

--- 0-packing, which leaves zero bytes out. unpack gives a multiple of 8 bytes, and raises for bytes that are cut short.
sproto.pack = core.pack
sproto.unpack = core.unpack

---@class sproto.protocol
---@field name string
---@field tag integer
---@field request userdata?   the type of the request
---@field response userdata?  the type of the answer; a null pointer for one without content

---@class sproto.object
---@field private __cobj userdata
---@field private __tcache table<string, userdata>
---@field private __pcache table<string|integer, sproto.protocol>
local object = {}
object.__index = object

--- An object over a schema of the core, which others may share.
---@param cobj userdata  from sproto.core
---@return sproto.object
function sproto.sharenew(cobj)
	return setmetatable({ __cobj = cobj, __tcache = {}, __pcache = {} }, object)
end

--- An object from a bundle, as sprotoparser.parse makes it. Raises for a damaged one.
---@param bundle string
---@return sproto.object
function sproto.new(bundle)
	local cobj = core.newproto(bundle)
	if not cobj then error("sproto.new: the bundle is damaged", 2) end
	return sproto.sharenew(cobj)
end

--- An object from the text of a schema.
---@param text string
---@return sproto.object
function sproto.parse(text)
	-- The parser needs lpeg, which who only loads bundles can do without.
	return sproto.new(require("sprotoparser").parse(text))
end

-- ---- types ---------------------------------------------------------------------------------------

local function find_type(self, name)
	local found = self.__tcache[name]
	if not found then
		found = core.querytype(self.__cobj, name)
		self.__tcache[name] = found
	end
	return found
end

local function query_type(self, name)
	return find_type(self, name) or error("type not found: " .. tostring(name), 3)
end

---@param name string
---@return boolean
function object:exist_type(name)
	return find_type(self, name) ~= nil
end

---@param name string  of a type
---@param value table
---@return string
function object:encode(name, value)
	return core.encode(query_type(self, name), value)
end

--- Raises "decode error" for damaged bytes.
---@param name string  of a type
---@param ... any  a string, or a pointer and a size; then, if wanted, the table to fill
---@return table value
---@return integer used  bytes that the value took
function object:decode(name, ...)
	return core.decode(query_type(self, name), ...)
end

--- encode, 0-packed.
---@param name string
---@param value table
---@return string
function object:pencode(name, value)
	return core.pack(core.encode(query_type(self, name), value))
end

--- decode of what pencode gave.
---@param name string
---@param ... any  a string, or a pointer and a size
---@return table value
---@return integer used
function object:pdecode(name, ...)
	return core.decode(query_type(self, name), core.unpack(...))
end

-- ---- protocols -----------------------------------------------------------------------------------

local function find_protocol(self, key)
	local found = self.__pcache[key]
	if found then return found end
	local other, request, response = core.protocol(self.__cobj, key)
	if not other then return nil end
	local name, tag = key, other
	if type(key) == "number" then name, tag = other, key end
	found = { name = name, tag = tag, request = request, response = response }
	self.__pcache[name], self.__pcache[tag] = found, found
	return found
end

--- A protocol by name or tag; raises "NAME not found".
---@param key string|integer
---@return sproto.protocol
function object:queryproto(key)
	return find_protocol(self, key) or error(tostring(key) .. " not found", 2)
end

---@param key string|integer
---@return boolean
function object:exist_proto(key)
	return find_protocol(self, key) ~= nil
end

--- The defaults of a type, or of the part kind, "REQUEST" or "RESPONSE", of a protocol: nil when it has none.
---@param name string
---@param kind? string
---@return table?
function object:default(name, kind)
	if kind == nil then return core.default(query_type(self, name)) end
	local protocol = self:queryproto(name)
	local part
	if kind == "REQUEST" then
		part = protocol.request
	elseif kind == "RESPONSE" then
		part = protocol.response
	else
		error("Invalid type " .. tostring(kind), 2)
	end
	return part and core.default(part)
end

---@param key string|integer  of a protocol
---@param args table?
---@return string bytes  "" when the protocol's request has no content
---@return integer tag
function object:request_encode(key, args)
	local protocol = self:queryproto(key)
	return protocol.request and core.encode(protocol.request, args) or "", protocol.tag
end

---@param key string|integer
---@param args table?
---@return string bytes
function object:response_encode(key, args)
	local protocol = self:queryproto(key)
	return protocol.response and core.encode(protocol.response, args) or ""
end

---@param key string|integer
---@param ... any  a string, or a pointer and a size
---@return table? args
---@return string name
function object:request_decode(key, ...)
	local protocol = self:queryproto(key)
	return protocol.request and core.decode(protocol.request, ...), protocol.name
end

---@param key string|integer
---@param ... any  a string, or a pointer and a size
---@return table? args
function object:response_decode(key, ...)
	local protocol = self:queryproto(key)
	return protocol.response and core.decode(protocol.response, ...)
end

-- ---- host ----------------------------------------------------------------------------------------

-- The header of a message, filled again for each: a message is header and content, 0-packed as one.
local header = {}

local function set_header(kind, session, ud)
	header.type, header.session, header.ud = kind, session, ud
	return header
end

---@class sproto.host
---@field private __proto sproto.object
---@field private __package userdata   the type of the header
---@field private __session table<integer, userdata|boolean>  what the answers to come consist of
local host = {}
host.__index = host

--- One end of a stream of requests and answers; what it dispatches are requests of this object's protocols.
---@param package? string  type of the header, with the fields type, session and ud; default "package"
---@return sproto.host
function object:host(package)
	package = package or "package"
	local kind = find_type(self, package) or error("type package not found: " .. package, 2)
	return setmetatable({ __proto = self, __package = kind, __session = {} }, host)
end

-- Answers one request.
local function responder(self, protocol, session)
	return function(args, ud)
		local head = core.encode(self.__package, set_header(nil, session, ud))
		return core.pack(head .. core.encode(protocol.response, args))
	end
end

--- Takes one message apart.
---   "REQUEST", name, args, respond, ud   respond(args, ud) packs the answer; nil when none is wanted
---   "RESPONSE", session, args, ud
--- Raises for damaged bytes, unknown protocols and answers that nobody waits for.
---@param ... any  a string, or a pointer and a size
function host:dispatch(...)
	local bytes = core.unpack(...)
	local head, used = core.decode(self.__package, bytes, set_header())
	local kind, session, ud = head.type, head.session, head.ud
	local content = bytes:sub(used + 1)
	if kind then
		local protocol = self.__proto:queryproto(kind)
		local args = protocol.request and core.decode(protocol.request, content)
		return "REQUEST", protocol.name, args, session and responder(self, protocol, session), ud
	end
	if not session then error("session not found", 2) end
	local response = self.__session[session] or error("Unknown session " .. tostring(session), 2)
	self.__session[session] = nil
	return "RESPONSE", session, response ~= true and core.decode(response, content) or nil, ud
end

--- The function that packs requests to the other end, which has the protocols of `sp`; dispatch() of this host takes
--- their answers. With a session, a number of the caller's choice, an answer is expected.
---@param sp sproto.object
---@return fun(name: string|integer, args?: table, session?: integer, ud?: any): string
function host:attach(sp)
	return function(name, args, session, ud)
		local protocol = sp:queryproto(name)
		local head = core.encode(self.__package, set_header(protocol.tag, session, ud))
		local message = protocol.request and core.pack(head .. core.encode(protocol.request, args)) or core.pack(head)
		if session then self.__session[session] = protocol.response or true end
		return message
	end
end

return sproto
