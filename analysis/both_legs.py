"""Both legs on one clock: what they do in common, and what one does more than the other.

A pelvis that rolls about the length of the body turns one hip in and the other one out by as much,
so that half the sum of both legs is free of it, while half the difference holds it together with
the true difference of the legs: two legs alone cannot tell these apart.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

BOTH_COLUMNS = ("set", "rep", "peak_s", "mean_deg", "half_difference_deg", "lag_s")


def both_legs(reps: pd.DataFrame) -> pd.DataFrame:
    """Return, for each repetition of both legs, what they share and how they differ.

    Parameters
    ----------
    reps
        The table of repetitions of a session.

    Returns
    -------
    pandas.DataFrame
        `mean_deg` is (right + left) / 2 of the ranges, `half_difference_deg` (right − left) / 2,
        `lag_s` how much later the left leg peaked; no rows without repetitions of both legs.
    """
    valid = reps[(reps["status"] == "valid") & reps["rep"].notna()]
    keys, figures = ["set", "rep"], ["peak_s", "rom_deg"]
    legs = [valid[valid["side"] == side][keys + figures] for side in ("right", "left")]
    joined = legs[0].merge(legs[1], on=keys, suffixes=("_right", "_left"))
    right, left = (joined[f"rom_deg_{side}"].to_numpy(float) for side in ("right", "left"))
    peaks = [joined[f"peak_s_{side}"].to_numpy(float) for side in ("right", "left")]
    table = pd.DataFrame(
        {
            "set": joined["set"],
            "rep": joined["rep"],
            "peak_s": (peaks[0] + peaks[1]) / 2.0,
            "mean_deg": np.round((right + left) / 2.0, 3),
            "half_difference_deg": np.round((right - left) / 2.0, 3),
            "lag_s": np.round(peaks[1] - peaks[0], 6),
        }
    )
    return table[list(BOTH_COLUMNS)]
