"""Acceleration and rotation rate → orientation, for units that do not fuse on board."""
