-- Auto generate from proto/db.proto
local schema_base = require "schema_base"

local boolean, number, string = schema_base.boolean, schema_base.number, schema_base.string

local schema = {}

schema.role = schema_base.define("role", {
	_check_k = schema_base.check_k,
	_check_kv = schema_base.check_kv,
})

schema.role.uid = number
schema.role.acc = string
schema.role.timestamp = number
schema.role.sign_cnt = number

return schema
