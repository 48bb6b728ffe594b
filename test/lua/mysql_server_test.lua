-- needs: mysql tls
-- timeout: 180
-- skynet.db.mysql and a MariaDB of the test's own: restarts under load, TLS, sizes, values of each type in both
-- protocols.
local skynet = require "skynet"
local mysql = require "skynet.db.mysql"
local pool = require "skynet.db.pool"
local mariadb = require "mariadb"
local T = require "harness"

local certfile, keyfile = skynet.getenv "certfile", skynet.getenv "keyfile"
local server

local function connect(conf)
	conf = conf or {}
	conf.host, conf.port = "127.0.0.1", server.port
	conf.user, conf.password = "root", "any"
	return mysql.connect(conf)
end

T.test("a server starts, and a table is made", function()
	server = mariadb.new(tonumber(skynet.getenv "port"), string.format("--ssl-cert='%s' --ssl-key='%s' --max-allowed-packet=64M", certfile, keyfile))
	local db = connect()
	T.eq(db:query("create database test").affected_rows, 1)
	db:query "use test"
	T.eq(db:query("create table t (id bigint primary key, v varchar(100))").badresult, nil)
	T.eq(db:query("insert into t values (1, 'one'), (2, 'two'), (9007199254740993, 'large')").affected_rows, 3)
	db:disconnect()
end)

-- Callers that ask for their own number until `stop`. Counts what they saw.
local function load(db, callers)
	local seen = { right = 0, failed = 0, wrong = 0, ended = 0 }
	for i = 1, callers do
		skynet.fork(function()
			local number = i
			repeat
				local ok, rows = pcall(db.query, db, "select " .. number .. " as n")
				if not ok then
					seen.failed = seen.failed + 1
					skynet.sleep(2)
				elseif rows[1] and rows[1].n == number then
					seen.right = seen.right + 1
				elseif rows.badresult then
					seen.failed = seen.failed + 1
				else
					seen.wrong = seen.wrong + 1
				end
				number = number + callers
			until seen.stop
			seen.ended = seen.ended + 1
		end)
	end
	return seen
end

for _, signal in ipairs { "TERM", "KILL" } do
	T.test("a restart by " .. signal .. " under 1,000 callers: each its own answer or an error", function()
		local db = connect { database = "test" }
		local seen = load(db, 1000)
		T.eventually(function() return seen.right >= 2000 end, 3000)
		server:stop(signal)
		T.eventually(function() return seen.failed > 0 end, 3000)
		server:start()
		local before = seen.right
		T.eventually(function() return seen.right >= before + 2000 end, 6000)
		seen.stop = true
		T.eventually(function() return seen.ended == 1000 end, 6000)
		T.eq(seen.wrong, 0)
		T.eq(db:query "select v from t where id = 1", { { v = "one" } })
		db:disconnect()
	end)
end

T.test("a pool and prepared statements live on after a restart", function()
	local connections = pool.new {
		name = "mysql",
		size = 4,
		open = function() return connect { database = "test", prepare_again = true } end,
	}
	local db = connections:acquire()
	local statement = db:prepare "select v from t where id = ?"
	T.eq(db:execute(statement, 2), { { v = "two" } })
	server:stop()
	T.eq(pcall(db.execute, db, statement, 2), false)
	server:start()
	T.eq(db:execute(statement, 2), { { v = "two" } })
	connections:release(db)
	connections:close()
end)

T.test("over TLS everything works, also sizes of more than one record", function()
	local db = connect { ssl = true, database = "test" }
	T.ok(#db:query "show status like 'Ssl_cipher'"[1].Value > 0)
	T.eq(db:query "select v from t order by id", { { v = "one" }, { v = "two" }, { v = "large" } })
	local long = ("x"):rep(300000)
	local statement = db:prepare "select ? as v"
	T.ok(db:execute(statement, long)[1].v == long)
	db:disconnect()
	local verified = { verify = true, cafile = certfile, hostname = "localhost" }
	connect({ ssl = verified }):disconnect()
end)

T.test("packets of more than 16 MB go both ways", function()
	local db = connect()
	local size = 20 * 1000 * 1000
	local long = ("y"):rep(size)
	local rows = db:query("select '" .. long .. "' as v, length('" .. long:sub(1, 100) .. "') as n")
	T.eq({ #rows[1].v, rows[1].n }, { size, 100 })
	T.ok(rows[1].v == long)
	-- the exact size at which an empty packet follows
	local exact = 0xffffff - 1 - #"select length('') as n"
	T.eq(db:query("select length('" .. ("z"):rep(exact) .. "') as n")[1].n, exact)
	T.eq(db:execute(db:prepare "select length(?) as n", long)[1].n, size)
	db:disconnect()
end)

T.test("a query above the server's limit is refused, and the next one works", function()
	local db = connect()
	local ok, result = pcall(db.query, db, "select length('" .. ("y"):rep(70 * 1000 * 1000) .. "') as n")
	T.ok(not ok or result.badresult, "it may not work")
	T.eq(db:query "select 1 as n", { { n = 1 } })
	db:disconnect()
end)

T.test("a query that is killed among its rows is a bad result, and its link stays", function()
	local db, killer = connect { database = "test" }, connect()
	local id = db:query "select connection_id() as id"[1].id
	local result
	skynet.fork(function() result = { pcall(db.query, db, "select repeat('x', 5000), sleep(0.01) from seq_1_to_10000") } end)
	T.eventually(function() return #killer:query("select 1 from information_schema.processlist where state = 'User sleep'") > 0 end, 1000)
	T.eq(killer:query("kill query " .. id).badresult, nil)
	T.eventually(function() return result end, 1000)
	T.eq({ result[1], result[2].badresult, result[2].errno }, { true, true, 1317 })
	T.eq(db:query "select connection_id() as id"[1].id, id, "the same link")
	db:disconnect()
	killer:disconnect()
end)

T.test("a local file is not loaded", function()
	local db = connect { database = "test" }
	local bad = db:query("load data local infile '" .. certfile .. "' into table t (v)")
	T.eq({ bad.badresult, type(bad.errno) }, { true, "number" })
	T.eq(db:query "select count(*) as n from t"[1].n, 3)
	db:disconnect()
end)

local COLUMNS = "t tinyint, ut tinyint unsigned, s smallint, m mediumint, um mediumint unsigned, i int, ui int unsigned, b bigint, ub bigint unsigned, "
	.. "f float, d double, de decimal(20,4), whole decimal(10,0), y year, da date, ti time, tf time(3), dt datetime, d6 datetime(6), ts timestamp null, "
	.. "c char(5), vc varchar(20), tx text, bl blob, vb varbinary(10), e enum('a','b'), st set('x','y'), bt bit(10), js json, n int"

T.test("both protocols give the same values for each type", function()
	local db = connect { database = "test" }
	T.eq(db:query("create table kinds (" .. COLUMNS .. ")").badresult, nil)
	local rows = {
		[[(-128, 255, -32768, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 1.5, -2.25, -1234.5678, 12, 2020,
			'2020-03-20', '10:11:12', '-100:11:12.345', '2020-03-20 01:02:03', '2020-03-20 01:02:03.123456', '2020-03-20 01:02:03',
			'ab', 'vc', 'text', x'620062', 'vb', 'a', 'x,y', b'1000000001', '{"a": 1}', null)]],
		[[(127, 0, 32767, 8388607, 0, 2147483647, 0, 9223372036854775807, 1, -0.125, 1e100, 0, 0, 1901,
			'1000-01-01', '838:59:59', '00:00:00', '2020-03-20', '2020-03-20 00:00:00', '2020-03-20 00:00:01.5',
			'', '', '', '', '', 'b', '', b'0', '[]', 5)]],
	}
	for _, row in ipairs(rows) do T.eq(db:query("insert into kinds values " .. row).badresult, nil) end
	local text = db:query "select * from kinds"
	local binary = db:execute(db:prepare "select * from kinds")
	T.eq(#text, 2)
	for i = 1, 2 do
		for name, value in pairs(text[i]) do T.eq(binary[i][name], value, name) end
		for name, value in pairs(binary[i]) do T.eq(text[i][name], value, name) end
	end
	T.eq({ text[1].m, text[1].ub, text[1].de, text[1].ti, text[1].tf, text[1].d6, text[1].n }, { -8388608, 2 ^ 64, -1234.5678, "10:11:12", "-100:11:12.345",
		"2020-03-20 01:02:03.123456" })
	T.eq({ text[2].dt, text[2].d6, text[2].d, text[2].js, text[2].n }, { "2020-03-20 00:00:00", "2020-03-20 00:00:00.000000", 1e100, "[]", 5 })
	db:disconnect()
end)

T.test("dates that are no days come as the server writes them", function()
	local db = connect { database = "test" }
	db:query "set sql_mode = ''"
	db:query "create table zero (da date, dt datetime, d3 datetime(3), ti time)"
	db:query "insert into zero values (0, 0, 0, 0)"
	local want = { { da = "0000-00-00", dt = "0000-00-00 00:00:00", d3 = "0000-00-00 00:00:00.000", ti = "00:00:00" } }
	T.eq(db:query "select * from zero", want)
	T.eq(db:execute(db:prepare "select * from zero"), want)
	db:disconnect()
end)

T.test("64-bit keys go there and back exactly", function()
	local db = connect { database = "test" }
	local id = db:query "select id from t where v = 'large'"[1].id
	T.eq((tostring(id):gsub("LL$", "")), "9007199254740993")
	T.eq(db:execute(db:prepare "select v from t where id = ?", id), { { v = "large" } })
	db:disconnect()
end)

T.test("a deadline ends a query that takes too long, and the next one works", function()
	local db = connect { timeout = 100 }
	T.raises("timed out waiting for 127.0.0.1:" .. server.port, db.query, db, "select sleep(20)")
	T.eq(db:query "select 1 as n", { { n = 1 } })
	db:disconnect()
end)

T.test("the server ends", function()
	server:remove()
	server = nil
end)

T.run(6000)
