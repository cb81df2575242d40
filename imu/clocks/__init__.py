"""Each unit's own clock → one time base."""
