-- One ranking in memory, beside a sorted list that does the same.
local ranking = require "rank.ranking"
local T = require "harness"

local pick = T.random(1)

-- The players of the model, the first one first.
local function sorted(model, config)
	local list = {}
	for uid, player in pairs(model) do list[#list + 1] = { uid = uid, score = player.score, info = player.info } end
	table.sort(list, function(a, b)
		if config.order == "descending" then a, b = b, a end
		if a.score ~= b.score then return a.score < b.score end
		return a.uid < b.uid
	end)
	return list
end

-- Drops what is beyond the capacity from the model; the uids, in byte order.
local function trim(model, config)
	local gone = {}
	for i, player in ipairs(sorted(model, config)) do
		if i > config.capacity then
			model[player.uid] = nil
			gone[#gone + 1] = player.uid
		end
	end
	table.sort(gone)
	return gone
end

local function check(list, model, config)
	local want = sorted(model, config)
	T.eq(list:count(), #want)
	local flat = {}
	for i, player in ipairs(want) do
		T.eq(list:rank(player.uid), i)
		flat[3 * i - 2], flat[3 * i - 1], flat[3 * i] = player.uid, player.score, player.info or false
	end
	T.eq(list:range(1, 1000), flat)
	local start, count = pick(#want + 2), pick(10)
	local part = {}
	for i = start, math.min(start + count - 1, #want) do
		for k = 3 * i - 2, 3 * i do part[#part + 1] = flat[k] end
	end
	T.eq(list:range(start, count), part)
end

T.test("a ranking agrees with a sorted list through random changes", function()
	for _, order in ipairs { "ascending", "descending" } do
		local config = { capacity = 20, order = order }
		local list, model = ranking.new(config), {}
		for _ = 1, 2000 do
			local gone = {}
			local function dropped(uid) gone[#gone + 1] = uid end
			local uid, kind = "u" .. pick(40), pick(20)
			if kind == 1 then
				config = { capacity = pick(30), order = pick(2) == 1 and "ascending" or "descending" }
				list:configure(config, dropped)
			elseif kind < 5 then
				T.eq(list:remove(uid), model[uid] ~= nil)
				model[uid] = nil
			else
				local score, info = pick(12), pick(3) > 1 and "i" .. pick(9) or nil
				list:update(uid, score, info, dropped)
				model[uid] = { score = score, info = info }
			end
			table.sort(gone)
			T.eq(gone, trim(model, config))
			local score, info = list:player(uid)
			T.eq({ score, info }, { model[uid] and model[uid].score, model[uid] and model[uid].info })
			check(list, model, config)
		end
	end
end)

T.test("an empty ranking has nobody at any rank", function()
	local list = ranking.new { capacity = 1, order = "descending" }
	T.eq({ list:range(1, 10), list:range(5, 10), list:players { "a" } }, { {}, {}, {} })
	T.eq(list:rank "a", nil)
	T.eq(list:remove "a", false)
end)

T.run(6000)
