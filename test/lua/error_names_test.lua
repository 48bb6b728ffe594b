-- Errors of native functions name them as programs do, however they are called.
local skynet = require "skynet"
require "skynet.manager"
local socketdriver = require "skynet.socketdriver"
local core = require "skynet.core"
local T = require "harness"

T.test("a function of skynet has its public name", function()
	T.raises("bad argument #1 to 'skynet.sleep' (number expected, got string)", skynet.sleep, "x")
	T.raises("bad argument #1 to 'skynet.timeout' (number expected, got table)", skynet.timeout, {}, print)
	T.raises("bad argument #2 to 'skynet.timeout' (function expected, got nil)", skynet.timeout, 1)
	T.raises("bad argument #1 to 'skynet.wakeup' (value expected)", skynet.wakeup)
	T.raises("bad argument #1 to 'skynet.fork' (function expected, got no value)", skynet.fork)
	T.raises("bad argument #1 to 'skynet.fork' (function expected, got boolean)", function() skynet.fork(true) end)
end)

T.test("a function of a module has that of the module", function()
	T.raises("bad argument #1 to 'skynet.socketdriver.close' (number expected, got no value)", socketdriver.close)
	T.raises("bad argument #1 to 'skynet.core.callback' (function expected, got string)", core.callback, "x")
end)

T.run()
