# %% [markdown]
# # Replay: the streaming core, one sample at a time
#
# The tracker is the object that live uses. It reads no clock, so the same samples give the same
# angles, bit for bit.

# %%
import hipturn
from hipturn.places import demo_root
from hipturn.replay import tracker_of

session = hipturn.open(demo_root() / "ninety_ninety_lift")
tracker, refusals = tracker_of(session)
print(refusals or "calibrated")

# %%
ranges_deg = []
for sample in session.samples():
    for update in tracker.push(sample):
        for side, leg in update.legs.items():
            if leg.announced is not None and leg.announced.status == "valid":
                ranges_deg.append(leg.announced.range_deg)
                print(f"{update.time_s:6.2f} s  {side}  rep {leg.reps}  "
                      f"{leg.announced.range_deg:.1f}°")  # fmt: skip
assert len(ranges_deg) == 10
