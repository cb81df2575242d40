"""Interoperable files from a session."""
