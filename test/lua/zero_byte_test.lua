-- A zero byte in a text is carried, or refused by name; nothing is cut at it without a word.
local skynet = require "skynet"
require "skynet.manager"
local sharedata = require "skynet.sharedata"
local sharetable = require "skynet.sharetable"
local socketdriver = require "skynet.socketdriver"
local T = require "harness"

local REFUSED = "a zero byte after "

T.test("names of services and of the environment are refused", function()
	T.raises(REFUSED .. "'.name'", skynet.name, ".name\0x", skynet.self())
	T.raises(REFUSED .. "'.name'", skynet.register, ".name\0x")
	T.eq(skynet.localname ".name", nil)
	T.raises(REFUSED .. "'.launcher'", skynet.localname, ".launcher\0x")
	T.raises(REFUSED .. "'.launcher'", skynet.send, ".launcher\0x", "lua", "LIST")
	T.raises(REFUSED .. "'.launcher'", skynet.call, ".launcher\0x", "lua", "LIST")
	T.raises(REFUSED, skynet.setenv, "zero_key\0x", "value")
	T.raises(REFUSED, skynet.setenv, "zero_value", "value\0x")
	T.eq({ skynet.getenv "zero_key", skynet.getenv "zero_value" }, {})
	T.raises(REFUSED .. "'thread'", skynet.getenv, "thread\0x")
end)

T.test("a service's name and arguments are refused", function()
	T.raises("", skynet.newservice, "echo\0x")
	T.raises("", skynet.newservice, "echo", "argument\0x")
	T.raises(REFUSED, skynet.launch, "snlua", "echo\0x")
	T.raises(REFUSED .. "'snlua'", skynet.launch, "snlua\0x", "echo")
end)

T.test("addresses on the network are refused", function()
	T.raises(REFUSED .. "'127.0.0.1'", socketdriver.connect, "127.0.0.1\0.example.com", 1)
	T.raises(REFUSED .. "'127.0.0.1'", socketdriver.listen, "127.0.0.1\0x", 0)
	T.raises(REFUSED .. "'127.0.0.1:1'", socketdriver.connect, "127.0.0.1:1\0x")
	T.raises(REFUSED .. "'127.0.0.1'", socketdriver.udp, "127.0.0.1\0x", 0)
end)

T.test("shared data carries it, in keys, values and names", function()
	local data = { a = "x\0y", ["a\0b"] = 1, ["a\0c"] = 2, sub = { ["\0"] = "\0\0" } }
	sharedata.new("zero\0name", data)
	sharetable.loadtable("zero\0name", data)
	for _, object in ipairs { sharedata.query "zero\0name", sharetable.query "zero\0name" } do
		T.eq({ object.a, object["a\0b"], object["a\0c"], object.sub["\0"] }, { "x\0y", 1, 2, "\0\0" })
		T.eq(object["a"], "x\0y")
	end
	T.eq(sharetable.query "zero", nil)
	T.raises("call failed", sharedata.query, "zero")
	sharetable.loadstring("zero\0code", "return { 'a\\0b' }")
	T.eq(sharetable.query "zero\0code"[1], "a\0b")
end)

T.test("messages and the log carry it", function()
	T.eq({ skynet.unpack(skynet.packstring("a\0b", { ["c\0d"] = "\0" })) }, { "a\0b", { ["c\0d"] = "\0" } })
end)

T.run()
