"""Measure a completed movement and grade it: controlled or not, and why not."""
