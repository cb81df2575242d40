# %% [markdown]
# # Bring your own CSV
#
# Any table with a time and quaternions (or acceleration and rotation rate) becomes a session. Here
# the table is made from a demo session, with columns called as no tool calls them.

# %%
from pathlib import Path

import pandas as pd

import hipturn
from hipturn.importing import Wish, import_session
from hipturn.places import demo_root
from imu.importers.column_map import checked, write_map
from imu.importers.generic_csv import import_csv
from imu.sample import Segment, Side

source = hipturn.open(demo_root() / "seated_internal_rotation")
table = source.table()
for index, unit in enumerate(source.header.units):
    mine = table.of(index)
    frame = pd.DataFrame(mine.q, columns=["Q0", "Q1", "Q2", "Q3"])
    frame.insert(0, "clock_ms", mine.host_time_ns / 1e6)
    frame.to_csv(f"{unit.segment}.csv", index=False)

# %% [markdown]
# Say once which column is what. Quaternions lead from the sensor to an earth whose z points up, w
# first; times of all files are on one clock.

# %%
columns = checked({"time": "clock_ms", "time_unit": "ms", "quaternion": ["Q0", "Q1", "Q2", "Q3"]})
write_map(columns, Path("my_columns.toml"))  # next time: hipturn import csv --map my_columns.toml

# %%
wish = Wish(out=Path("my_session"), exercise="seated_internal_rotation", wearer="W02")
files = {(unit.segment, unit.side): Path(f"{unit.segment}.csv") for unit in source.header.units}
assert set(files) == {(Segment.THIGH, Side.LEFT), (Segment.SHANK, Side.LEFT)}
print(import_session("csv", wish, lambda: import_csv(files, columns)))

# %% [markdown]
# No marks were given: the still periods and the knee bends are found by themselves.

# %%
result = hipturn.analyse(hipturn.open("my_session"))
print(result.summary[["side", "valid", "rom_median_deg"]])
assert result.summary["valid"].tolist() == [10]
