-- Which files each kind of service reads, for module `staticdata`.
return {
	agent = { ["data/test/data1.lua"] = true },
	login = { ["data/test/data2.lua"] = true },
}
