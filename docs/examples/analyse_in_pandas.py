# %% [markdown]
# # Analyse in pandas
#
# `result.angles`, `result.reps` and `result.summary` are DataFrames; `result.plot()` draws.

# %%
import matplotlib.pyplot as plt

import hipturn
from hipturn.places import demo_root

result = hipturn.analyse(hipturn.open(demo_root() / "prone_windshield_wiper"))
print(result.summary[["side", "valid", "controlled", "rom_median_deg"]])

# %% [markdown]
# How steady is the range from repetition to repetition, and is a leg's larger?

# %%
legs = result.reps[(result.reps["side"] != "both") & (result.reps["status"] == "valid")]
print(legs.groupby("side")["rom_deg"].agg(["count", "mean", "std"]).round(1))

# %% [markdown]
# Time spent beyond 25°, from the samples themselves. What is not known is NaN, never 0.

# %%
beyond = result.angles[result.angles["hip_internal_rotation_deg"] > 25.0]
print((beyond.groupby("side", observed=True).size() / result.recording.rate_hz).round(1), "seconds")

# %%
ax = result.plot()
plt.savefig("wipers.png")
assert len(legs) == 20
