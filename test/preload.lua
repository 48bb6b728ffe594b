-- Run in every service before it starts (config key `preload`), so that new static data reaches it.
local staticdata = require "staticdata"

staticdata.preload()
