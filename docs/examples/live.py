# %% [markdown]
# # Live: calibrate, count and record
#
# A simulated wearer stands in for real units, faster than real time. With real ones,
# `hipturn.start.start_radio` takes their addresses instead.

# %%
from hipturn.radio_session import Wish
from hipturn.start import start_virtual

wish = Wish(exercise="seated_internal_rotation", wearer="W01", root="recordings")
folder = start_virtual(wish, "right", seed=3)
print(folder)

# %% [markdown]
# What live announced stands in the session's events, movement by movement.

# %%
import hipturn

session = hipturn.open(folder)
movements = [event for event in session.events() if event["type"] == "movement"]
for event in movements[:3]:
    print(f"{event['time_s']:7.2f} s  {event['status']}  {event['range_deg']:.0f}°")
assert len(movements) >= 20
