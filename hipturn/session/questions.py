"""Asks for what sensors cannot measure; the answers go into the session's notes."""

from __future__ import annotations

import sys

import click

from analysis.exercises import Exercise

UNANSWERED = "not answered"


def asked(exercise: Exercise) -> tuple[str, ...]:
    """Return a note for each question of an exercise, asked where someone can type an answer."""
    can_type = sys.stdin is not None and sys.stdin.isatty()
    return tuple(f"{question} – {_answer(question, can_type)}" for question in exercise.questions)


def _answer(question: str, can_type: bool) -> str:
    if not can_type:
        return UNANSWERED
    said = str(click.prompt(question, default="", show_default=False)).strip()
    return said or UNANSWERED
