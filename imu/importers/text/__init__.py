"""Foreign text → rows of numbers, within bounds and with the reason why a row fell."""
