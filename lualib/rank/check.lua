--- What clients send, checked. A check returns the value as the rankings take it, or nil and what is wrong.
local bson = require "bson"

local check = {}

local MAX_NAME, MAX_UID = 64, 128 -- bytes
local MAX_TAGS, MAX_UIDS = 100, 1000
local MAX_CAPACITY = 10000000
local MAX_COUNT = 10000
local MAX_SCORE = 2 ^ 53 -- up to here every whole number is exact, in JSON, in the database and on both engines

local KINDS = { string = "a text", table = "a list or an object", userdata = "null", cdata = "a number" }

local function kind(value)
	local name = type(value)
	return KINDS[name] or "a " .. name
end

local function text(name, value, max)
	if value == nil then return nil, name .. " is missing" end
	if type(value) ~= "string" then return nil, name .. " is " .. kind(value) .. ", not a text" end
	if value == "" then return nil, name .. " is empty" end
	if #value > max then return nil, string.format("%s is longer than %d bytes", name, max) end
	if value:find "[%z\1-\31\127]" then return nil, name .. " has a control character" end
	-- The database has texts in UTF-8 only, and bson knows what that is.
	if value:find "[\128-\255]" and not pcall(bson.encode, { text = value }) then return nil, name .. " is not in UTF-8" end
	return value
end

-- A name becomes part of the name of a collection.
local function collection_part(name, value)
	local good, wrong = text(name, value, MAX_NAME)
	if good and good:find("$", 1, true) then return nil, name .. " has a $" end
	return good, wrong
end

local function list(name, value, max)
	if value == nil then return nil, name .. " is missing" end
	if type(value) ~= "table" or #value == 0 then return nil, name .. " is not a list with something in it" end
	if #value > max then return nil, string.format("%s has more than %d elements", name, max) end
	return value
end

-- A whole number; a query has it as digits.
local function whole(name, value, min, max)
	if value == nil then return nil, name .. " is missing" end
	if type(value) == "string" and value:find "^%d+$" then value = tonumber(value) end
	if type(value) ~= "number" or value ~= math.floor(value) or value < min or value > max then
		return nil, string.format("%s is not a whole number from %d to %d", name, min, max)
	end
	return math.floor(value)
end

function check.appname(value) return collection_part("appname", value) end

--- The name of a ranking, which is that of its collection.
---@param appname string  checked
---@param tag any
---@return string? rankid
---@return string? wrong
function check.rankid(appname, tag)
	local good, wrong = collection_part("tag", tag)
	if not good then return nil, wrong end
	local rankid = appname .. "_" .. good
	if not check.is_rankid(rankid) then return nil, "there cannot be a ranking " .. rankid end
	return rankid
end

--- Whether a collection of the database is a ranking.
---@param name any
---@return boolean
function check.is_rankid(name)
	if type(name) ~= "string" or not name:find("_", 2, true) or name == "rank_config" then return false end
	return not name:find "^%." and not name:find "^system%." and not name:find "%.$"
end

--- The rankings of an application, each once.
---@param appname string  checked
---@param tags any
---@return string[]? rankids
---@return string? wrong
function check.rankids(appname, tags)
	local given, wrong = list("tags", tags, MAX_TAGS)
	if not given then return nil, wrong end
	local rankids, seen = {}, {}
	for _, tag in ipairs(given) do
		local rankid
		rankid, wrong = check.rankid(appname, tag)
		if not rankid then return nil, wrong end
		if not seen[rankid] then rankids[#rankids + 1] = rankid end
		seen[rankid] = true
	end
	return rankids
end

--- A uid is a text; a whole number counts as its digits.
---@param value any
---@return string? uid
---@return string? wrong
function check.uid(value)
	if type(value) == "number" and value == math.floor(value) and math.abs(value) <= MAX_SCORE then
		value = string.format("%d", value)
	end
	return text("uid", value, MAX_UID)
end

--- The uids of a list, which are separated by commas in a query.
---@param value any
---@return string[]? uids
---@return string? wrong
function check.uids(value)
	if type(value) == "string" then
		local parts = {}
		for part in value:gmatch "[^,]+" do parts[#parts + 1] = part end
		value = parts
	end
	local given, wrong = list("uids", value, MAX_UIDS)
	if not given then return nil, wrong end
	local uids = {}
	for i, one in ipairs(given) do
		uids[i], wrong = check.uid(one)
		if not uids[i] then return nil, wrong end
	end
	return uids
end

---@param value any
---@return number? score
---@return string? wrong
function check.score(value)
	if value == nil then return nil, "score is missing" end
	-- On LuaJIT whole numbers beyond 2^53 are cdata.
	local large = type(value) == "cdata"
	if type(value) ~= "number" and not large then return nil, "score is " .. kind(value) .. ", not a number" end
	if large or value ~= value or value < -MAX_SCORE or value > MAX_SCORE then return nil, "score is not a number from -2^53 to 2^53" end
	if value == 0 then return 0 end -- there is no -0
	local floor = math.floor(value)
	return floor == value and floor or value
end

function check.start(value) return whole("start", value, 1, MAX_CAPACITY) end

function check.count(value) return whole("count", value, 1, MAX_COUNT) end

function check.capacity(value) return whole("capacity", value, 1, MAX_CAPACITY) end

---@param value any
---@return string? order
---@return string? wrong
function check.order(value)
	if value ~= "ascending" and value ~= "descending" then return nil, 'order is neither "ascending" nor "descending"' end
	return value
end

--- The list of a setconfig: { tag, capacity, order } each; what is missing there stays missing.
---@param appname string  checked
---@param config any
---@return table[]? list  with a rankid each
---@return string? wrong
function check.configs(appname, config)
	local given, wrong = list("config", config, MAX_TAGS)
	if not given then return nil, wrong end
	local made = {}
	for i, one in ipairs(given) do
		if type(one) ~= "table" then return nil, "config has an element that is no object" end
		local new = { tag = one.tag }
		new.rankid, wrong = check.rankid(appname, one.tag)
		if new.rankid and one.capacity ~= nil then new.capacity, wrong = check.capacity(one.capacity) end
		if not wrong and one.order ~= nil then new.order, wrong = check.order(one.order) end
		if wrong then return nil, wrong end
		made[i] = new
	end
	return made
end

return check
