"""Which of a unit's axes points where on the table, by the edge that it is tipped on."""

from __future__ import annotations

import numpy as np

from imu.profiles.unit_layout import SIGNED_AXES
from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotate, rotation_vector
from imu.sample import FloatArray


def axes_seen(flat: FloatArray, tipped: FloatArray) -> tuple[str, str]:
    """Return the unit's axes that point ahead, as a person sees it, and up while it lies flat.

    Tipped onto its left edge, it turns about what points ahead, against the right hand. Each axis
    is the nearest of the six: a unit lies some 10° askew at most, and the next one is 90° away.

    Parameters
    ----------
    flat, tipped
        Its orientations, wxyz, unit → earth with z up, shape (4,): flat, and on its left edge.
    """
    back = by_rows(conjugate, flat[None])
    turn = by_rows(rotation_vector, by_rows(multiply, back, tipped[None]), of=ARRAYS)[0]
    up = by_rows(rotate, back, np.array([[0.0, 0.0, 1.0]]))[0]
    return _nearest(-turn), _nearest(up)


def _nearest(vector: FloatArray) -> str:
    return max(SIGNED_AXES, key=lambda name: float(np.dot(SIGNED_AXES[name], vector)))
