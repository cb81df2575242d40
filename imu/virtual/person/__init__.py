"""What a virtual wearer does, and what is true of it."""
