-- What becomes of changes while the database fails.
local skynet = require "skynet"
local dirtydb = require "dirtydb"
local T = require "harness"

T.test("an update that failed is saved again before later ones", function()
	local failures, saved = 2, {}
	local doc = dirtydb.new("role", { uid = 1 }, function(update)
		if failures > 0 then
			failures = failures - 1
			if failures == 0 then error "the link broke" end
			return false
		end
		saved[#saved + 1] = update["$set"]
	end)
	doc.sign_cnt = 1
	dirtydb.save_dirty()
	doc.sign_cnt = 2
	dirtydb.save_dirty()
	T.eq(saved, {})
	dirtydb.save_dirty()
	T.eq(saved, { { sign_cnt = 1 }, { sign_cnt = 2 } })
	dirtydb.save_dirty()
	T.eq(#saved, 2)
	dirtydb.remove(doc)
end)

T.test("a failure of one document does not keep others from being saved", function()
	local saved = 0
	local bad = dirtydb.new("role", { uid = 1 }, function() error "no" end)
	local good = dirtydb.new("role", { uid = 2 }, function() saved = saved + 1 end)
	bad.sign_cnt, good.sign_cnt = 1, 1
	dirtydb.save_dirty()
	T.eq(saved, 1)
	dirtydb.remove(bad)
	dirtydb.remove(good)
end)

T.test("savers wait for each other", function()
	local inside, most = 0, 0
	local doc = dirtydb.new("role", { uid = 1 }, function()
		inside = inside + 1
		most = math.max(most, inside)
		skynet.sleep(2)
		inside = inside - 1
	end)
	doc.sign_cnt = 1
	skynet.fork(dirtydb.save_dirty)
	skynet.sleep(1)
	doc.sign_cnt = 2
	dirtydb.remove(doc)
	T.eq(most, 1)
	T.eq(inside, 0)
end)

T.run()
