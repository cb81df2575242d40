"""The program of the reference unit."""
