"""The catalogue of exercises: load, validate, look up."""

from analysis.exercises.catalogue import CATALOGUE, ids, load, parse
from analysis.exercises.exercise import (
    ELEVATIONS,
    ROLLS,
    SIGNAL_NAMES,
    CatalogueError,
    Dose,
    Exercise,
    Pose,
    hip_matrix,
    level_pelvis,
    nominal_hip,
    nominal_up,
    rotation_about,
)

__all__ = [
    "CATALOGUE",
    "ELEVATIONS",
    "ROLLS",
    "SIGNAL_NAMES",
    "CatalogueError",
    "Dose",
    "Exercise",
    "Pose",
    "hip_matrix",
    "ids",
    "level_pelvis",
    "load",
    "nominal_hip",
    "nominal_up",
    "parse",
    "rotation_about",
]
