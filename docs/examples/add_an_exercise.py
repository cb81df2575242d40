# %% [markdown]
# # Add an exercise
#
# An exercise is a TOML file in `analysis/catalogue/`; docs/adding-an-exercise.md tells the fields
# and what to test. This checks one before it is put there.

# %%
import tomllib

from analysis.exercises import CatalogueError, nominal_up, parse
from imu.sample import Side

TEXT = """
name = "Internal rotation over the table's edge"
source = "our clinic's exercise sheet, page 2"
position = "supine"
mode = "gravity"
angle = "gravity"
zero = "absolute"
measured = "how far the femur is turned in from the vertical plane of the thigh"
rep = "the foot swings out and up and returns until the shin hangs plumb"
both_legs = false
min_range_deg = 12.0
typical_range_deg = 30.0
onset_deg = 3.0
max_sigma_deg = 3.0
thigh_lift_fault_deg = 12.0
how = ["Lie on the back at the end of a table so that the shins hang over its edge."]
cautions = ["Stop on pinching in the groin or on knee pain."]

[pose]
hip_flexion_deg = 0.0
hip_adduction_deg = 0.0
hip_rotation_deg = 0.0
knee_flexion_deg = 90.0
thigh_tolerance_deg = 20.0
knee_tolerance_deg = 25.0

[dose]
reps = [10, 12]
"""
exercise = parse(tomllib.loads(TEXT), "table_edge_rotation")

# %% [markdown]
# What each unit must see of gravity follows from the pose: the thigh's front faces the ceiling, the
# knee is above the ankle.

# %%
thigh_up, shank_up = nominal_up(exercise, Side.RIGHT)
print(thigh_up.round(2), shank_up.round(2))
assert thigh_up[0] > 0.99
assert shank_up[1] > 0.99

# %% [markdown]
# A mistake is told in one sentence that lists every problem.

# %%
try:
    parse(tomllib.loads(TEXT.replace('"supine"', '"upside_down"')), "table_edge_rotation")
except CatalogueError as error:
    print(error)
