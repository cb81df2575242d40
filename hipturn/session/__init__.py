"""Drives a session: live, replayed, or virtual."""
