# %% [markdown]
# # Add a unit
#
# A unit is a TOML file that says where in its notifications which number lies; no code. The whole
# story stands in firmware_config/README.md. `hipturn configure --check FILE BYTES` does what this
# does.

# %%
from pathlib import Path

Path("acme_tracker.toml").write_text("""
schema = 1
name = "Acme Tracker"
heading = "arbitrary"
write = ["a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22"]

[match]
name_prefix = ["ACME-"]

[rates]
allowed = [30, 60]
default = 60

[stream.orientation]
uuid = "a1c20003-5d1f-4e36-8a0b-0d9c6f1e7b22"
header = "A5"
length = 12
start = ["01 {rate:u16}"]
stop = ["00"]
time = { offset = 2, type = "u16", unit_s = 1e-3 }
seq = { offset = 1, type = "u8" }
field.quat = { offset = 4, type = "i16", count = 4, order = "xyzw", divide = 16384 }
""")

# %% [markdown]
# Paste notifications as hexadecimal digits: lying flat, w is 1 (16384 is 0x4000).

# %%
from imu.profile_check import check_file

report = check_file(Path("acme_tracker.toml"), ["A5 07 E803 0000 0000 0000 0040"])
print("\n".join(report.lines))
assert report.usable
