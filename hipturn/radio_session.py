"""What a live session is asked for, under the name that scripts import."""

from hipturn.session.radio_session import Wish

__all__ = ["Wish"]
