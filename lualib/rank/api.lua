--- What clients may ask of the rankings, by HTTP, on the cluster port or in messages: functions that take a table and
--- return a table with a `code`. With any code but OK there is a `message`, too. Told in docs/rank.md.
---
--- Players in an answer are flat lists, as lualib/rank/ranking.lua has them, and an info is JSON text; lualib/rank/answer.lua
--- brings them into shape.
local skynet = require "skynet"
local check = require "rank.check"
local info = require "rank.info"
local patience = require "rank.patience"

local unpack = table.unpack or unpack

local LIMIT = 500 -- 1/100 s in which a service of the rankings must answer
local OK = "OK"

---@class rank.api
---@field private manager integer  the service `rank`
---@field private lists table<string, integer>  rankid -> address of its service, as far as it is known here
---@field private patience rank.patience
---@field private failed table<string, integer>  rankid -> address of a service that has failed
local api = {}

local function failure(code, message)
	return { code = code, message = message }
end

local function no_answer()
	return failure("RANK_SERVICE_TIMEOUT", "no answer within 5 s")
end

local function has_failed()
	return failure("RANK_SERVICE_CALL_FAIL", "the service of a ranking has failed")
end

-- Asks services, all at once. Returns their answers in the order of the addresses; or nil, a failure, and the number of
-- the service that has failed, if one has.
local function ask(addresses, ...)
	local requests = skynet.request()
	for i, address in ipairs(addresses) do requests:add { address, "lua", at = i, n = 2 + select("#", ...), ... } end
	local answers, left, failed = {}, #addresses, nil
	for request, answer in requests:select(LIMIT) do
		if not answer then
			failed = request.at
			break
		end
		answers[request.at] = answer
		left = left - 1
	end
	requests:close() -- LuaJIT does not at a break
	if failed then return nil, has_failed(), failed end
	if left > 0 then return nil, no_answer() end
	return answers
end

-- The same for the service of one ranking, which is what most requests are about.
local function ask_list(self, address, ...)
	local answer, late = self.patience:call(address, ...)
	if answer then return { answer } end
	if late then return nil, no_answer() end
	return nil, has_failed(), 1
end

-- The services of rankings. Returns nil and a failure; or false when there is no such ranking and none is to be made.
local function find(self, rankids, create)
	local addresses = {}
	for i, rankid in ipairs(rankids) do
		local address = self.lists[rankid]
		if not address then
			local answers, wrong, failed = ask({ self.manager }, "find", rankid, create, self.failed[rankid])
			if failed then wrong = failure("RANK_SERVICE_CACHE_FAIL", "the service of the ranking cannot be found") end
			if not answers then return nil, wrong end
			local answer = answers[1]
			address = answer[1]
			if answer[2] then return nil, failure("RANK_SERVICE_CACHE_FAIL", answer[2]) end
			if not address then return false end
			self.lists[rankid], self.failed[rankid] = address, nil
		end
		addresses[i] = address
	end
	return addresses
end

-- The answers of the services of rankings. Returns nil and a failure; or false when one is not there.
local function ask_lists(self, rankids, create, ...)
	local addresses, wrong = find(self, rankids, create)
	if not addresses then return addresses, wrong end
	local answers, failed
	if addresses[2] then
		answers, wrong, failed = ask(addresses, ...)
	else
		answers, wrong, failed = ask_list(self, addresses[1], ...)
	end
	if failed then
		local rankid = rankids[failed]
		self.lists[rankid], self.failed[rankid] = nil, addresses[failed]
	end
	return answers, wrong
end

-- ---- requests ---------------------------------------------------------------------------------

-- Checks the parts of a request in turn; the first one that is wrong ends the request with a failure.
local function fields(given, ...)
	local values = {}
	for i = 1, select("#", ...) do
		local name = select(i, ...)
		local value, wrong = check[name](given[name])
		if value == nil then return nil, failure("BAD_REQUEST", wrong) end
		values[i] = value
	end
	return values
end

-- The name of the application, without which the original does not find its service.
local function appname_of(given)
	if type(given) ~= "table" then return nil, failure("BAD_REQUEST", "the request is no object") end
	local name, wrong = check.appname(given.appname)
	if not name then return nil, failure("RANK_INIT_FAIL", wrong) end
	return name
end

local function rankids_of(given)
	local appname, wrong = appname_of(given)
	if not appname then return nil, wrong end
	local rankids
	rankids, wrong = check.rankids(appname, given.tags)
	if not rankids then return nil, failure("BAD_REQUEST", wrong) end
	return rankids
end

local function rankid_of(given)
	local appname, wrong = appname_of(given)
	if not appname then return nil, wrong end
	local rankid
	rankid, wrong = check.rankid(appname, given.tag)
	if not rankid then return nil, failure("BAD_REQUEST", wrong) end
	return { rankid }
end

-- What a change has come to in all rankings.
local function changed(answers, wrong)
	if answers == nil then return wrong end
	for _, answer in ipairs(answers or {}) do
		if not answer[1] then return failure("SAVE_DB_FAIL", "the database takes no changes; what is in memory is written when it does") end
	end
	return { code = OK }
end

--- Gives a player a score and an info in rankings, which are made where they are not there.
---@async
function api:update(given)
	local rankids, wrong = rankids_of(given)
	if not rankids then return wrong end
	local values
	values, wrong = fields(given, "uid", "score")
	if not values then return wrong end
	local text
	text, wrong = info.text(given.info)
	if wrong then return failure("BAD_REQUEST", "info cannot be kept: " .. tostring(wrong)) end
	return changed(ask_lists(self, rankids, true, "update", values[1], values[2], text))
end

--- Removes a player from rankings. One that he is not in stays as it is.
---@async
function api:delete(given)
	local rankids, wrong = rankids_of(given)
	if not rankids then return wrong end
	local values
	values, wrong = fields(given, "uid")
	if not values then return wrong end
	for _, rankid in ipairs(rankids) do
		local result = changed(ask_lists(self, { rankid }, false, "delete", values[1]))
		if result.code ~= OK then return result end
	end
	return { code = OK }
end

--- Sets capacity and order of rankings.
---@async
function api:setconfig(given)
	local appname, wrong = appname_of(given)
	if not appname then return wrong end
	local list
	list, wrong = check.configs(appname, given.config)
	if not list then return failure("BAD_REQUEST", wrong) end
	local answers, failed
	answers, wrong, failed = ask({ self.manager }, "save", list)
	if failed then return failure("RANK_SERVICE_CALL_FAIL", "the config cannot be taken") end
	if not answers then return wrong end
	if not answers[1][1] then return failure(answers[1][2], answers[1][3]) end
	return { code = OK }
end

-- What one ranking answers. Returns nil and a failure, or false when it is not there.
local function ask_one(self, given, names, name)
	local rankids, wrong = rankid_of(given)
	if not rankids then return nil, wrong end
	local values
	values, wrong = fields(given, unpack(names))
	if not values then return nil, wrong end
	local answers
	answers, wrong = ask_lists(self, rankids, false, name, unpack(values))
	return answers and answers[1], wrong
end

local function not_in_rank(given)
	return failure("NOT_IN_RANK", "there is no player " .. tostring(given.uid))
end

--- A player and his rank.
---@async
function api:query(given)
	local answer, wrong = ask_one(self, given, { "uid" }, "query")
	if wrong then return wrong end
	if not answer or not answer[1] then return not_in_rank(given) end
	return { code = OK, element = { (check.uid(given.uid)), answer[1], answer[2] or false }, rank = answer[3] }
end

--- Some players; those that are not there are left out.
---@async
function api:infos(given)
	local answer, wrong = ask_one(self, given, { "uids" }, "infos")
	return wrong or { code = OK, elements = answer and answer[1] or {} }
end

--- The players from a rank on.
---@async
function api:ranklist(given)
	local answer, wrong = ask_one(self, given, { "start", "count" }, "range")
	return wrong or { code = OK, elements = answer and answer[1] or {} }
end

--- A player, with those before and behind him: `count` in all, the first of them at rank `start`.
---@async
function api:around(given)
	local answer, wrong = ask_one(self, given, { "uid", "count" }, "around")
	if wrong then return wrong end
	if not answer or not answer[1] then return not_in_rank(given) end
	return { code = OK, rank = answer[1], start = answer[2], elements = answer[3] }
end

--- The requests, as functions of one table, by name.
---@param manager integer  the address of the service `rank`
---@return table<string, async fun(given: any): table>
return function(manager)
	local self = { manager = manager, lists = {}, failed = {}, patience = patience.new(LIMIT) }
	local requests = {}
	for name, f in pairs(api) do
		requests[name] = function(given) return f(self, given) end
	end
	return requests
end
