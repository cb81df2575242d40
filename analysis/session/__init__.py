"""A whole session: follow a leg, watch for faults, announce, and write its tables."""
