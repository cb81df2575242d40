"""Check a profile file from Python: `check_file`."""

from imu.profiles.profile_check import check_file

__all__ = ["check_file"]
