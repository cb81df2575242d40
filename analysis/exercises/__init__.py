"""The catalogue of exercises: load, validate, look up."""

from analysis.exercises.catalogue import CATALOGUE, ids, load
from analysis.exercises.exercise import CatalogueError, Dose, Exercise, Pose
from analysis.exercises.exercise_file import parse
from analysis.exercises.nominal_pose import (
    hip_matrix,
    level_pelvis,
    nominal_hip,
    nominal_up,
    rotation_about,
)

__all__ = [
    "CATALOGUE",
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
