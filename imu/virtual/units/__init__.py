"""The strapped units of a virtual wearer: mounting, skin, sensors, faults."""
