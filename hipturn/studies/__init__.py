"""Studies of accuracy: a session beside a reference, a wearer's repeated tests, readings."""
