"""Announcements and calibration steps as texts, for the terminal, the page and its voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.calibrate.calibration import CalibrationResult
from analysis.calibrate.checks import Check
from analysis.calibrate.guide import BENDS_ASKED, GuideUpdate, Step
from analysis.exercises import Exercise
from analysis.session.announcements import Announcement, Kind
from hipturn.clinical_words import check_said
from hipturn.session.pipeline import Tracker
from hipturn.words import Said
from imu.sample import Side

if TYPE_CHECKING:
    from analysis.session.analyse import Result

SURE = "hinge split-half angle"
"""The figure of a calibration that is told when it is done."""


def sentence(said: Announcement, exercise: Exercise) -> Said:
    """Return an announcement as a line for people."""
    side = str(said.side)
    if said.kind is Kind.ALARM:
        told = f"{side} leg: {said.text}"
        return Said(f"alarm.{said.reason}", told, side=side, **dict(said.words))
    key = f"said.{said.kind}"
    if said.kind is Kind.PARTIAL and exercise.assessment:
        key = "said.small"
    elif said.kind is Kind.TARGET_REACHED:
        key = "said.target_hold" if said.reason == "hold" else "said.target_reps"
    elif said.kind is Kind.REJECTED and said.reason == "sensor_shift":
        key = "said.shifted"
    return Said(
        key,
        side=side,
        rep=said.rep,
        set=said.set,
        value=said.value,
        target=exercise.dose.reps[0],
        reason=said.reason,
    )


def asked(step: Step, exercise: Exercise, bends: int = BENDS_ASKED) -> Said:
    """Return what the wearer is asked for; fewer bends are enough where the axes are known."""
    if step is Step.BENDS and bends < BENDS_ASKED:
        return Said("step.bends_few", n=bends)
    if not exercise.needs_calibration:
        return Said("step.get_ready", how=exercise.how[0])
    if step is Step.BENDS and exercise.pose.bends_standing:
        return Said("step.bends_standing")
    return Said(f"step.{step.name.lower()}", how=exercise.how[0])


def told_of(side: Side, news: GuideUpdate, tracker: Tracker) -> Said:
    """Return the sentence for the wearer after a step of the calibration."""
    if news.hold is not None:
        return Said("led.in_position", side=str(side))
    if news.step is Step.READY:
        figures = {check.name: check for check in news.result.checks} if news.result else {}
        sure = figures.get(SURE)
        if sure is None:
            return Said("led.calibrated", side=str(side))
        return Said("led.calibrated_sure", side=str(side), sure=check_said(sure.name, sure.value))
    if news.result is not None:
        return Said.together(sentences(news.result))
    return asked(news.step, tracker.exercise, tracker.bends_asked(side))


def sentences(result: CalibrationResult) -> list[Said]:
    """Return what a calibration tells the wearer: every failed check and every warning."""
    return [check_text(check) for check in result.checks if check.sentence]


def check_text(check: Check) -> Said:
    """Return what to do about a check."""
    return Said(f"fix.{check.remedy}", check.sentence, **dict(check.words))


def notes_said(result: Result) -> list[str]:
    """Return what a person should know of a session, as other languages have it too."""
    known: dict[str, str] = {}
    for side, found in result.calibrations.items():
        texts = [check_text(check) for check in found.checks if check.sentence]
        known |= {f"{side} leg: {text}": _of_leg(side, text) for text in texts}
    for side, alarms in result.alarms.items():
        for one in alarms:
            told = f"{side} leg: {one.text}"
            alarm = Said(f"alarm.{one.kind}", told, side=str(side), **dict(one.words))
            at = Said("note.at", seconds=one.time_s)
            known[f"{told} {at}"] = Said.together((alarm, at))
    for text in set(result.sentences) - known.keys():
        side_name, leg, what = text.partition(" leg: ")
        if leg and side_name in [*Side]:
            known[text] = _of_leg(Side(side_name), what)
    return [known.get(text, text) for text in result.sentences]


def _of_leg(side: Side, text: str) -> Said:
    return Said("note.leg", side=str(side), what=text)
