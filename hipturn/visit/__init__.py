"""A visit, from who exercises to what they take home: pure, and driven by page and terminal alike.

course.py    (beside this package) its words: stages, steps, effects
handlers.py  what each command, announcement and moment leads to
table.py     which command is obeyed at which stage
"""

from hipturn.visit.table import STAGES, Visit

__all__ = ["STAGES", "Visit"]
