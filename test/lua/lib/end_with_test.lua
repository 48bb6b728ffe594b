--- Ends a process when the test ends, however that comes about.
---@param pid string
return function(pid)
	os.execute(string.format("(while kill -0 $PPID; do sleep 0.5; done; kill -9 %s) >/dev/null 2>&1 </dev/null &", pid))
end
