--- What MongoDB's error codes mean to a client.
local codes = {}

--- Of a server that is not the primary, or not any more.
codes.NOT_PRIMARY = {
	[10107] = "NotWritablePrimary",
	[13435] = "NotPrimaryNoSecondaryOk",
	[189] = "PrimarySteppedDown",
	[91] = "ShutdownInProgress",
	[11600] = "InterruptedAtShutdown",
	[11602] = "InterruptedDueToReplStateChange",
	[13436] = "NotPrimaryOrSecondary",
}

--- With these the server has not even begun: the command can be sent again, whatever it is.
codes.NOT_BEGUN = { [10107] = true, [13435] = true }

--- The code of a reply, when something is wrong with it or with what it was to be acknowledged by.
---@param reply table
---@return integer|false|nil
function codes.of(reply)
	return reply.ok ~= 1 and reply.code or reply.writeConcernError and reply.writeConcernError.code
end

---@param reply any
---@param label string
---@return boolean
function codes.has_label(reply, label)
	for _, one in ipairs(type(reply) == "table" and reply.errorLabels or {}) do
		if one == label then return true end
	end
	return false
end

return codes
