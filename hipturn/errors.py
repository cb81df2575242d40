"""The one error that the command turns into a line for people."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: one sentence with what, where and what to do."""
