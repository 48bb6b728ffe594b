return {
	{ name = "hanxi", code = 1 },
	{ name = "github", code = 2 },
	{ name = "skynet", code = 4 },
}
