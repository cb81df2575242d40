"""The radio: scanning, the link to one unit, and its errors in sentences."""
