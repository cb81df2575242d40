"""How a virtual unit reaches a host: delivery, losses, and a backend for bleak."""
