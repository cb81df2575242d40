"""The guided check of units: what a person is asked to do, and which poses came of it.

The units lie side by side on a book, so that one hand moves all of them alike and round cases stand
on edges too. It takes samples and reads no clock: each step sees by itself that the units were
moved and lie still again, and a step that is not done within a minute ends the check.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from hipturn.words import Said
from imu.conventions.reread import Turn
from imu.conventions.still_poses import Pose, StillPoses
from imu.quaternion import Quaternion, turn_rad
from imu.sample import Sample, Unit

REST_S = 30.0
"""Long enough to see a drift of 0.1°/s and a clock that is off by 1 %."""
MOVED_RAD = math.radians(25.0)
"""A quarter turn that a unit reads as an eighth still exceeds this; nudging a book does not."""
WINDOW_S = 0.25
SWAY_RAD = math.radians(2.0)
"""A unit that turns less in a window lies still: a book that is turned slowly turns by more."""
KEPT_JUMPS = 100
JUMP_RAD = math.radians(45.0)
"""No hand turns a unit so far between two samples; an orientation of half the angle jumps over by
half a turn where the whole one nears half a turn."""
TASK_S = 60.0
"""Somebody who has not done a step by then will not do it."""
FIRST_SAMPLES_S = 10.0
"""A unit that has sent no orientation by then is checked by what it sent otherwise."""

What = Literal["rest", "left", "tip", "lay"]


class Task(NamedTuple):
    """One thing to do with the book; the pose after it is what counts."""

    what: What
    key: str
    """Of what is asked for."""

    @property
    def text(self) -> Said:
        """Return what is asked for."""
        return Said(self.key, seconds=REST_S) if self.what == "rest" else Said(self.key)


TASKS = (
    Task("rest", "book.rest"),
    Task("left", "book.turn"),
    Task("left", "book.more"),
    Task("left", "book.more"),
    Task("left", "book.once_round"),
    Task("tip", "book.left_edge"),
    Task("left", "book.on_edge"),
    Task("lay", "book.lay_down"),
    Task("tip", "book.right_edge"),
    Task("lay", "book.lay"),
    Task("tip", "book.far_edge"),
    Task("lay", "book.lay"),
    Task("tip", "book.near_edge"),
)
LEFT_EDGE = 5
"""The task that tips the book as it lay at first; later ones find it turned by a quarter."""
CIRCLE = range(1, 5)
"""The tasks that together are one whole turn."""
TURNS = tuple(
    Turn(index - 1, index, "left" if task.what == "left" else "tip")
    for index, task in enumerate(TASKS)
    if index
)
DONE = Said("book.done")
GIVEN_UP = Said("book.given_up")


class _Travel:
    """How far one unit was turned, window by window; where it jumps it was not turned."""

    def __init__(self) -> None:
        self.turned_rad = 0.0
        """Since it was last set to 0."""
        self.jumps: list[tuple[Quaternion, Quaternion]] = []
        """The orientations before and after each of the first jumps."""
        self._begin: Sample | None = None
        self._newest: Sample | None = None
        self._jumped = False

    def push(self, sample: Sample) -> None:
        """Take an oriented sample."""
        newest, begin = self._newest, self._begin
        self._newest = sample
        if newest is None or begin is None or newest.q is None or begin.q is None:
            self._begin = sample
            return
        assert sample.q is not None  # noqa: S101 (only oriented samples come here)
        silent_s = (sample.host_time_ns - newest.host_time_ns) * 1e-9
        if silent_s < WINDOW_S and turn_rad(newest.q, sample.q) > JUMP_RAD:
            self._jumped = True
            if len(self.jumps) < KEPT_JUMPS:
                self.jumps.append((newest.q, sample.q))
        if (sample.host_time_ns - begin.host_time_ns) * 1e-9 < WINDOW_S:
            return
        turned = turn_rad(begin.q, sample.q)
        if turned >= SWAY_RAD and not self._jumped:
            self.turned_rad += turned
        self._begin, self._jumped = sample, False


class UnitCheck:
    """Takes the samples of all units in order of arrival.

    Parameters
    ----------
    units
        What samples count into.
    lay
        How units are laid whose axes can be seen on their cases; said with the first task.

    Attributes
    ----------
    task
        Index of what is asked for now, into `TASKS`; their number when all is done.
    poses
        Of each unit, the pose after each task that it took part in.
    resting
        The samples of the rest.
    """

    def __init__(self, units: Sequence[Unit], lay: str = "") -> None:
        self.units = units
        self.lay = lay
        self.task = 0
        self.poses: list[list[Pose]] = [[] for _ in units]
        self.resting: list[Sample] = []
        self.moving: list[Sample] = []
        """The samples after it."""
        self.given_up = False
        self._still = [StillPoses() for _ in units]
        self._travel = [_Travel() for _ in units]
        self._last: list[Pose | None] = [None] * len(units)
        """The newest pose of each unit."""
        self._began_ns: int | None = None
        self._rest_from_ns: int | None = None

    def jumps(self, unit: int) -> list[tuple[Quaternion, Quaternion]]:
        """Return where the orientation of a unit jumped: before and after."""
        return self._travel[unit].jumps

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is asked for."""
        return self.given_up or self.task == len(TASKS)

    @property
    def asked(self) -> str:
        """Return what is to be done now."""
        if self.given_up:
            return GIVEN_UP
        if self.is_over:
            return DONE
        text = TASKS[self.task].text
        return Said.together((text, self.lay)) if self.task == 0 and self.lay else text

    @property
    def rested_s(self) -> float:
        """Return how long the rest has lasted."""
        if not self.resting:
            return 0.0
        return (self.resting[-1].host_time_ns - self.resting[0].host_time_ns) * 1e-9

    def push(self, sample: Sample) -> str:
        """Take a sample, with its orientation; return what to say now, mostly nothing."""
        if self.is_over:
            return ""
        now_ns = sample.host_time_ns
        if self._began_ns is None:
            self._began_ns = now_ns
        pose = self._still[sample.unit].push(sample)
        if sample.q is not None:
            self._travel[sample.unit].push(sample)
        if pose is not None:
            self._last[sample.unit] = pose
        if self.task == 0:
            self._rest(sample)
        else:
            self.moving.append(sample)
            if pose is not None:
                self._moved(sample.unit, pose)
        before = self.task
        self._advance(now_ns)
        return self.asked if self.task != before or self.given_up else ""

    def _rest(self, sample: Sample) -> None:
        """Keep what arrives from the moment on at which every unit lies still.

        A unit that is moved meanwhile was not laid down yet: the rest begins anew.
        """
        if self._travel[sample.unit].turned_rad >= MOVED_RAD / 2.0:
            self._rest_from_ns, self.resting = None, []
            self._last = [None] * len(self.units)
            for travel in self._travel:
                travel.turned_rad = 0.0
            return
        began_ns = self._began_ns or 0
        heard = [unit for unit, pose in enumerate(self._last) if pose is not None]
        waited = (sample.host_time_ns - began_ns) * 1e-9 >= FIRST_SAMPLES_S
        if self._rest_from_ns is None and heard and (waited or len(heard) == len(self.units)):
            self._rest_from_ns = sample.host_time_ns
        if self._rest_from_ns is not None:
            self.resting.append(sample)

    def _moved(self, unit: int, pose: Pose) -> None:
        """Take a still pose for the task's when the unit was moved before it."""
        poses, travel = self.poses[unit], self._travel[unit]
        if travel.turned_rad < MOVED_RAD / 2.0:
            return
        if len(poses) == self.task and turn_rad(poses[-1].q, pose.q) >= MOVED_RAD:
            poses.append(pose)
            travel.turned_rad = 0.0

    def _advance(self, now_ns: int) -> None:
        """Go on to the next task when this one is done; give up when it takes too long."""
        if self.task == 0:
            if self.rested_s >= REST_S:
                for poses, last in zip(self.poses, self._last, strict=True):
                    poses += [last] if last is not None else []
                for travel in self._travel:
                    travel.turned_rad = 0.0
                self._next(now_ns)
                return
            late_s = TASK_S + REST_S
        else:
            taking_part = [poses for poses in self.poses if poses]
            if all(len(poses) > self.task for poses in taking_part):
                self._next(now_ns)
                return
            late_s = TASK_S
        self.given_up = (now_ns - (self._began_ns or 0)) * 1e-9 > late_s

    def _next(self, now_ns: int) -> None:
        self.task += 1
        self._began_ns = now_ns
