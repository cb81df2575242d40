"""What is wrong at this moment, and what one tap does about it: the whole list, on change.

A condition is no event: it is there while its cause is. It is shown once its cause has lasted
`ON_S`, goes once the cause has been away for `OFF_S`, and stays `SHOWN_S` at least. What once
happened and cannot be seen to be over, a strap that slipped, is held until somebody has looked.
Pure: the time comes with every call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ON_S = 1.0
OFF_S = 1.0
SHOWN_S = 2.0
END_SET_S = 20.0
"""A unit silent for so long may not come back soon: the set can be ended."""
LOST_PERCENT_MAX = 5.0
"""More is no good radio; the angle bears 10 %."""
BATTERY_MIN = 15
"""Percent: enough for this session, and not for the next."""
ORDER = ("silent", "swapped", "falls", "slipped", "pose", "disk", "slow", "battery")
"""The worst first."""
LATER = ("slipped", "pose", "slow", "battery", "disk")
"""Those that a person may put off, or has looked at."""


@dataclass(slots=True)
class _Condition:
    key: str
    args: dict[str, Any]
    remedies: tuple[str, ...]
    begun_s: float
    """When its cause began."""
    seen_s: float
    """When its cause was there last."""
    shown_s: float = math.inf
    """Since when it is shown."""
    held: bool = False
    """Whether it stays until somebody has looked."""
    put_off: bool = False


@dataclass(slots=True)
class Conditions:
    """The conditions of one session."""

    _all: dict[str, _Condition] = field(default_factory=dict)
    _told: list[dict[str, Any]] = field(default_factory=list)

    def see(
        self,
        key: str,
        present: bool,
        now_s: float,
        *,
        about: str = "",
        remedies: Sequence[str] = (),
        **args: Any,  # noqa: ANN401 (JSON)
    ) -> None:
        """Take whether a cause is there now; `about` tells two of a kind apart."""
        ident = f"{key}:{about}" if about else key
        known = self._all.get(ident)
        if known is None:
            if present:
                self._all[ident] = _Condition(key, args, tuple(remedies), now_s, now_s)
            return
        if present:
            if known.shown_s == math.inf and now_s - known.seen_s > OFF_S:
                known.begun_s = now_s
            known.args, known.remedies, known.seen_s = args, tuple(remedies), now_s

    def hold(
        self,
        key: str,
        now_s: float,
        *,
        about: str = "",
        remedies: Sequence[str] = (),
        **args: Any,  # noqa: ANN401 (JSON)
    ) -> None:
        """Take that something happened which lasts until somebody has looked."""
        self._all[f"{key}:{about}" if about else key] = _Condition(
            key, args, tuple(remedies), now_s - ON_S, now_s, held=True
        )

    def put_off(self, ident: str) -> None:
        """Take that somebody has looked, or will see to it later."""
        known = self._all.get(ident)
        if known is not None:
            known.put_off = True

    def told(self, now_s: float, can: Sequence[str]) -> list[dict[str, Any]] | None:
        """Return the list to be told, the worst first; None while it is as before.

        Parameters
        ----------
        now_s
            The time.
        can
            The commands that are obeyed now: only these are offered.
        """
        for ident, one in list(self._all.items()):
            if one.shown_s == math.inf and one.seen_s - one.begun_s >= ON_S:
                one.shown_s = now_s
            away = not one.held and now_s - one.seen_s >= OFF_S
            if (away and now_s - one.shown_s >= SHOWN_S) or (away and one.shown_s == math.inf):
                del self._all[ident]
        shown = [
            {
                "id": ident,
                "key": one.key,
                "args": one.args,
                "since": round(one.begun_s, 1),
                "can": [do for do in self._remedies(one) if do in can],
            }
            for ident, one in self._all.items()
            if one.shown_s < math.inf and not one.put_off
        ]
        shown.sort(key=lambda told: (ORDER.index(told["key"]), told["since"]))
        if shown == self._told:
            return None
        self._told = shown
        return shown

    @staticmethod
    def _remedies(one: _Condition) -> tuple[str, ...]:
        return (*one.remedies, "later") if one.key in LATER else one.remedies


def see_units(
    conditions: Conditions, units: Sequence[dict[str, Any]], now_s: float, silent_s: float = ON_S
) -> None:
    """Take how the units are, as the message `units` tells it.

    A unit that has never sent anything is still being connected, and no condition.
    """
    for unit in units:
        label, gone_s = unit["label"], unit["silent_s"]
        heard = unit["rate_hz"] is not None
        silent = heard and (gone_s > silent_s or unit["state"] != "streaming")
        ends = ("done",) if gone_s > END_SET_S else ()
        conditions.see("silent", silent, now_s, about=label, remedies=ends, unit=label)
        slow = not silent and (unit["lost"] or 0.0) > LOST_PERCENT_MAX
        conditions.see("slow", slow, now_s, about=label, unit=label)
        low = unit["battery"] is not None and unit["battery"] <= BATTERY_MIN
        conditions.see("battery", low, now_s, about=label, unit=label, percent=unit["battery"])
