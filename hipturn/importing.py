"""Bring other tools' files in from Python: `Wish` and `import_session`."""

from hipturn.archive.importing import Wish, import_session

__all__ = ["Wish", "import_session"]
