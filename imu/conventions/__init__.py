"""How a unit's numbers are meant: what its own acceleration and a person's turns show."""
