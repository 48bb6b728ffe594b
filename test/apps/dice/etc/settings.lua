-- Found through the last part of lua_path, beside the configs.
return { title = "dice" }
