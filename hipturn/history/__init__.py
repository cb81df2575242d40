"""All sessions of a wearer: an index over the session folders, trends, and removal.

The folders are the truth. `summary.json` in a folder holds what analysis found, so that it is found
once; `history.sqlite` beside the folders is an index that is made again whenever it is missing or
no longer fits them. Deleting either loses nothing.
"""

from __future__ import annotations
