"""Start a session from Python: `start_virtual`."""

from hipturn.session.start import start_virtual

__all__ = ["start_virtual"]
