return {
	gold = 100,
	food = 200,
	foodx = 200,
}
