"""From axes of the leg to the angle of the hip, its uncertainty, and the signal that is counted."""
