--- Runs nodes in a network of their own, whose only interface goes down when one of them has logged "waiting": as when a
--- cable is pulled, nobody is told.
---@param log string  of the last one, with whose end the others are ended
---@param ... string  commands, as of other_node.command
---@return boolean ok  false: this machine lets nobody make a network of its own
return function(log, ...)
	for _, network in ipairs { "unshare -n", "unshare -rn" } do
		local status = os.execute(network .. " ip link set lo up 2>/dev/null")
		if status == true or status == 0 then
			local script = assert(io.open("silence.sh", "w"))
			script:write "ip link set lo up\n"
			for _, command in ipairs { ... } do script:write(command, " & pids=\"$pids $!\"\n") end
			script:write(string.format("last=$!\nfor i in $(seq 300); do grep -q waiting %s && break; sleep 0.1; done\n", log))
			script:write "ip link set lo down\nwait $last\nkill $pids\n"
			script:close()
			os.execute(network .. " sh silence.sh >/dev/null 2>&1 </dev/null &")
			return true
		end
	end
	return false
end
