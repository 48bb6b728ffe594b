--- Sends a signal: "KILL", "STOP", "CONT", "TERM". After "STOP" the process does nothing more.
---@param pid string|integer
---@param name string
return function(pid, name)
	os.execute(string.format("kill -%s %s 2>/dev/null", name, pid))
	-- One thread of the process is told, which then stops them all: until it has a core the others go on.
	if name == "STOP" then
		os.execute(string.format("while grep -qs '^State:.[RSD]' /proc/%s/task/*/status; do sleep 0.01; done", pid))
	end
end
