"""Which command is obeyed at which stage: the one table of it.

`Visit` looks commands up here; what they lead to is in `hipturn.visit.handlers`.
"""

from __future__ import annotations

from collections.abc import Callable

from hipturn.course import Effects, Refused, Stage, Values
from hipturn.visit.handlers import Handlers
from hipturn.words import Said, units_said

Handler = Callable[[Handlers, Values], Effects]
Guard = Callable[[Handlers], str]


def _unless_working(visit: Handlers) -> str:
    return Said("why.busy") if visit.working else ""


def _when_known(visit: Handlers) -> str:
    if visit.working:
        return Said("why.busy_skip")
    return "" if visit.found else Said("why.not_found")


def _while_looked_at(visit: Handlers) -> str:
    if not visit.found:
        return Said("why.no_units")
    return "" if visit.working else Said("why.not_running")


def _when_heard(visit: Handlers) -> str:
    if not visit.found:
        return Said("why.not_linked")
    return Said("why.silent", units=units_said(visit.silent)) if visit.silent else ""


def _when_asked(visit: Handlers) -> str:
    if not visit.walk.course.only_asks:
        return Said("why.nothing_asked")
    return "" if visit.wearer else Said("why.whose_answers")


GUARDS: dict[tuple[Stage | None, str], Guard] = {
    (None, "go_on"): lambda v: "" if v.unfinished else Said("why.unfinished"),
    (Stage.CHECK, "check"): _unless_working,
    (Stage.TODAY, "answer"): _when_asked,
    (Stage.TODAY, "next"): lambda v: v.walk.course.only_asks,
    (Stage.UNITS, "next"): _when_known,
    (Stage.UNITS, "skip"): _while_looked_at,
    (Stage.UNITS, "retry"): _unless_working,
    (Stage.UNITS, "shake"): lambda v: Said("why.simulated") if v.virtual else _unless_working(v),
    (Stage.UNITS, "phone"): lambda v: Said("why.no_phone") if v.virtual else "",
    (Stage.UNITS, "swap"): _when_known,
    (None, "admit"): lambda v: "" if v.asking else Said("why.nobody_asks"),
    (None, "undo"): lambda v: "" if v.said else Said("why.nothing_said"),
    (None, "not_mine"): lambda v: "" if any(v.reps.values()) else Said("why.no_rep"),
    (Stage.READY, "start"): _when_heard,
    (Stage.COUNTDOWN, "now"): _when_heard,
    (None, "other_leg"): lambda v: Said("why.both_legs") if v.walk.step.side == "both" else "",
    (Stage.CALIBRATE, "full"): lambda v: "" if v.keeps else Said("why.all_anew"),
    (None, "pause"): lambda v: Said("why.paused") if v.paused else "",
    (None, "resume"): lambda v: "" if v.paused else Said("why.not_paused"),
    (Stage.RESULT, "skip"): lambda v: "" if v.walk.next_step else Said("why.nothing_follows"),
}
"""What a command of the table needs besides its stage: a sentence when that is not given."""

_STRAPS: Handler = lambda visit, _: visit._to(Stage.STRAPS)  # noqa: E731
_READY: Handler = lambda visit, _: visit._to(Stage.READY)  # noqa: E731
_UNDO: dict[str, Handler] = {"undo": Handlers._undo}
_HOME: dict[str, Handler] = {"home": Handlers._home, **_UNDO}
_ADMIT: dict[str, Handler] = {"admit": Handlers._admit}

STAGES: dict[Stage, dict[str, Handler]] = {
    Stage.HOME: {
        "wearer": Handlers._ask_wearer, "go_on": Handlers._resume_visit,
        "practise": Handlers._practise, "check": Handlers._check, **_UNDO,
    },
    Stage.CHECK: {"check": Handlers._check, "back": Handlers._back, **_HOME},
    Stage.WEARER: {
        "choose": Handlers._choose, "new": Handlers._choose, "nobody": Handlers._choose,
        "back": Handlers._back, **_HOME,
    },
    Stage.TODAY: {
        **dict.fromkeys(("plan", "exercise", "side", "dose", "goal"), Handlers._change),
        "answer": lambda *_: [],  # it is kept with the wearer, and leads nowhere
        "wearer": Handlers._whose, "next": Handlers._on_to_units, "back": Handlers._back, **_HOME,
    },
    Stage.UNITS: {
        "shake": Handlers._shake, "phone": Handlers._use_phones, "swap": Handlers._swap,
        "retry": Handlers._find, **_ADMIT, "skip": _STRAPS, "next": _STRAPS,
        "back": Handlers._back, **_HOME,
    },
    Stage.STRAPS: {"done": _READY, "back": Handlers._back, **_ADMIT, **_HOME},
    Stage.READY: {
        "start": Handlers._start, "delay": Handlers._delay, "back": Handlers._back, **_ADMIT,
        **_HOME,
    },
    Stage.COUNTDOWN: {"now": Handlers._begin, "cancel": _READY, **_HOME},
    Stage.CALIBRATE: {
        "swap": Handlers._swap, "other_leg": Handlers._other_leg, "later": Handlers._later,
        "full": Handlers._calibrate_in_full, "stop": Handlers._stop_calibrating, **_UNDO,
    },
    Stage.SET: {
        "not_mine": Handlers._not_mine, "mark": Handlers._mark, "pause": Handlers._pause,
        "resume": Handlers._resume, "slipped": Handlers._slipped, "swap": Handlers._swap,
        "other_leg": Handlers._other_leg, "later": Handlers._later, **_ADMIT,
        "done": Handlers._done_early, "stop": Handlers._stop_item, **_UNDO,
    },
    Stage.RESULT: {
        **dict.fromkeys(("pain", "effort", "note", "count"), Handlers._answer),
        "again": Handlers._again, "more_rest": Handlers._more_rest, "skip": Handlers._skip_step,
        "next": Handlers._go_on, "stop": Handlers._stop_visit, "later": Handlers._later, **_ADMIT,
        **_UNDO,
    },
    Stage.SUMMARY: _HOME,
}  # fmt: skip
"""What may be asked for at each stage, and what is done then (docs/live-protocol.md)."""


class Visit(Handlers):
    """One visit, from who exercises to what they take home: what is possible, and what follows.

    The page's desk and the terminal carry its effects out (`hipturn.session.visiting`). Between a
    begun session and its end no other one begins.
    """

    def can(self) -> list[str]:
        """Return the commands that are obeyed now."""
        return [do for do in STAGES[self.stage] if not self.why_not(do)]

    def why_not(self, do: str) -> str:
        """Return why a command is not possible now; nothing when it is."""
        if do not in STAGES[self.stage]:
            known = {"do": do, "stage": str(self.stage)}
            possible = ", ".join(self.can())
            return (
                Said("why.stage", possible=possible, **known)
                if possible
                else Said("why.never", **known)
            )
        guard = GUARDS.get((self.stage, do)) or GUARDS.get((None, do))
        return guard(self) if guard else ""

    def command(self, do: str, values: Values | None = None) -> Effects:
        """Do what somebody asks for.

        Raises
        ------
        Refused
            When the command is not possible now.
        """
        if why := self.why_not(do):
            raise Refused(why)
        return STAGES[self.stage][do](self, {"do": do, **(values or {})})
