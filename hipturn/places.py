"""Where recordings are, under the name that scripts import."""

from hipturn.session_paths import demo_root

__all__ = ["demo_root"]
