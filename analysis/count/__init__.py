"""From an angle to repetitions, sets and pairs of both legs, one row at a time."""
