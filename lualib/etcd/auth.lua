--- The token of a user of etcd. It is fetched when it is first needed, and again when it has become old.
local skynet = require "skynet"
local lead = require "skynet.leader"

-- 1/100 s after which a token is fetched anew: etcd forgets one after 5 minutes. Spread, so that many clients do not
-- come back together.
local MIN_AGE, MAX_AGE = 18000, 24000

---@class etcd.auth
---@field private user? string
---@field private password? string
---@field private token? string
---@field private expires integer
---@field private waiting? thread[]  coroutines that wait while somebody fetches the token
local auth = {}
auth.__index = auth

---@param user? string
---@param password? string  without both, no token is used
---@return etcd.auth
function auth.new(user, password)
	return setmetatable({ user = user, password = password, expires = 0 }, auth)
end

local function fetch(self, post)
	local result = post("/auth/authenticate", { name = self.user, password = self.password })
	self.token = result and result.status == 200 and result.body.token or nil
	self.expires = skynet.now() + math.random(MIN_AGE, MAX_AGE)
end

--- The token to send.
---@async
---@param post async fun(path: string, body: table): table?  a request without a token
---@return boolean ok  false: etcd does not know the user or the password, or does not answer
---@return string? token  nil: none is needed
function auth:get(post)
	if not (self.user and self.password) then return true end
	while self.waiting do
		local me = coroutine.running()
		table.insert(self.waiting, me)
		skynet.wait(me)
	end
	if self.token and skynet.now() < self.expires then return true, self.token end
	self.waiting = {}
	local finish = lead(self.waiting, function() self.waiting = nil end)
	local ok, err = pcall(fetch, self, post)
	finish()
	if not ok then error(err, 0) end
	return self.token ~= nil, self.token
end

--- Forgets the token: the next request fetches another one.
function auth:drop()
	self.token = nil
end

return auth
