# %% [markdown]
# # Validate on open data
#
# One person, squatting, with units on both legs and optical markers beside them (public repository
# CMU-MBL/IMU_Exercise_Prediction, doi 10.1109/JBHI.2024.3368042). The recordings are not part of
# hipturn: give their folder as `$HIPTURN_TEST_DATA/cmu_leg_exercises`.

# %%
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

DATA = Path(os.environ.get("HIPTURN_TEST_DATA", ""), "cmu_leg_exercises")
NAMES = ("Pose_1", "SqDL_1", "SqDL_2", "SqDL_3", "SqDL_4", "SqDL_5")
PLACES = ("left_thigh", "left_shank", "right_thigh", "right_shank")
PAUSE_S = 1.0
if not DATA.is_dir():
    print("the recordings are not at hand: set HIPTURN_TEST_DATA to try this")
    sys.exit(0)

# %% [markdown]
# Each take as a CSV file with times of its own. The first is the stand, the squats bend the knees.
# `--append` joins them below, each a second after the one before; marks and markers count so too.

# %%
takes, begin_s = [], 0.0
for name in NAMES:
    take = dict(np.load(DATA / f"{name}.npz"))
    own_s = take["time_s"] - take["time_s"][0]
    columns = {"t": own_s}
    for place in PLACES:
        for part, values in zip("wxyz", take[f"{place}_q"].T, strict=True):
            columns[f"{place}_{part}"] = values
    pd.DataFrame(columns).to_csv(f"{name}.csv", index=False)
    take["time_s"] = own_s + begin_s
    begin_s = take["time_s"][-1] + PAUSE_S
    takes.append(take)
stood_s, bent_s = takes[0]["time_s"], (takes[1]["time_s"][0], takes[-1]["time_s"][-1])
marks = [(stood_s[0], "stand_start"), (stood_s[-1], "stand_end")]
marks += [(bent_s[0], "knee_start"), (bent_s[1], "knee_end")]
pd.DataFrame(marks, columns=["time_s", "label"]).to_csv("marks.csv", index=False)

# %% [markdown]
# The reference: the markers' joint angles as the angles of hipturn. Pelvis and hip turn about x, y
# and z in this order; x points right, y forwards, z up the segment. The laboratory's y is up.

# %%
parts = []
for side, sign in (("left", -1.0), ("right", 1.0)):
    hip = np.concatenate([take[f"{side}_hip_deg"] for take in takes]) * (1.0, sign, sign)
    pelvis = np.concatenate([take["pelvis_deg"] for take in takes])
    thigh = Rotation.from_euler("XYZ", pelvis, degrees=True) * Rotation.from_euler(
        "XYZ", hip, degrees=True
    )
    right, forwards, along = thigh.as_matrix()[:, 1].T
    rotation = sign * np.degrees(np.arctan2(right, forwards))
    part = {
        "time_s": np.concatenate([take["time_s"] for take in takes]),
        "side": side,
        "knee_flexion_deg": -np.concatenate([take[f"{side}_knee_deg"] for take in takes]),
        "thigh_elevation_deg": np.degrees(np.arcsin(-along)),
        "thigh_rotation_gravity_deg": rotation,
    }
    parts.append(pd.DataFrame(part))
pd.concat(parts).to_csv("markers.csv", index=False)

# %% [markdown]
# Three commands: bring it in, measure it, set it beside the markers. A stand alone is a rough
# calibration: skin, and legs that do not stand plumb, are in its uncertainty.

# %%
FILES = " ".join(f"--{place.replace('_', '-')} {name}.csv" for place in PLACES for name in NAMES)
COMMANDS = f"""
hipturn import csv {FILES} --append
    --time t --quaternion {{place}}_w,{{place}}_x,{{place}}_y,{{place}}_z
    --marks marks.csv --exercise free_movement --out squats
hipturn analyse squats --out tables --no-report
hipturn validate squats --reference markers.csv --out validation
"""
for command in COMMANDS.strip().split("\nhipturn "):
    words = shlex.split(command.removeprefix("hipturn "))
    done = subprocess.run(  # noqa: S603 (the words above)
        [sys.executable, "-m", "hipturn", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stdout)
