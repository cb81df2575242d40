"""Who drives a session: live, replayed, or virtual."""
