"""Files as other tools write them, of a unit that turns about a level axis."""

from __future__ import annotations

import math

SERVER = (
    "sep=,\nMeasurement Mode:,Extended (Quaternion)\nStartTime:,Fri, 12 Jun 2020 04:22:28 GMT\n"
    "© Xsens Technologies B. V. 2005-2020\n\n"
    "Timestamp,Address,Quaternion_w,Quaternion_x,Quaternion_y,Quaternion_z,"
    "FreeAcc_x,FreeAcc_y,FreeAcc_z,Status,ClipCountAcc,ClipCountGyr\n"
)
IOS = "epoc (ms),timestamp (-0800),elapsed (s),"
ANDROID = "epoch (ms),time (-08:00),elapsed (s),"
IOS_Q, ANDROID_Q = (
    "w (number),x (number),y (number),z (number)\n",
    ("w (number),x (number),y (number), z (number)\n"),
)
AXES = "x-axis ({unit}),y-axis ({unit}),z-axis ({unit})\n"
STO = "DataRate=60.000000\nDataType=Quaternion\nversion=3\nOpenSimVersion=4.1\nendheader\n"
ADDRESSES = ("d4:ca:6e:f1:82:8c", "d4:ca:6e:f1:85:58")


def turned(k: int) -> tuple[float, float, float, float]:
    """Return the orientation at sample k."""
    half = 0.005 * k
    return (math.cos(half), math.sin(half), 0.0, 0.0)


def cells(values: object, digits: int = 9) -> str:
    return ",".join(f"{value:.{digits}f}" for value in values)  # type: ignore[attr-defined]


def server(n: int = 60) -> str:
    rows = []
    for k in range(n):
        for i, address in enumerate(ADDRESSES):
            time_us = 339398117167.2515 + k * 16670.333 + i * 4321.5
            rest = f"{cells(turned(k))},0.1,0.2,0.3,0,0,0"
            rows.append(f"{time_us},{address},{rest}")
    return SERVER + "\n".join(rows) + "\n"


def metabase(head: str, columns: str, n: int = 60, row: str | None = None) -> str:
    rows = []
    for k in range(n):
        epoch_ms = 1546300800000 + 10 * k
        said = row if row is not None else cells(turned(k), 3 if k % 2 else 6)
        rows.append(f"{epoch_ms},2018-12-31T16.00.{k * 10:05d},{0.01 * k:.3f},{said}")
    return head + columns + "\n".join(rows) + "\n"


def sto(n: int = 60, names: str = "pelvis_imu\tfemur_r_imu\ttibia_r_imu") -> str:
    count = len(names.split("\t"))
    rows = ["\t".join([f"{k / 60:.6f}", *[cells(turned(k))] * count]) for k in range(n)]
    return STO + "time\t" + names + "\n" + "\n".join(rows) + "\n"


def plain(n: int = 60) -> str:
    rows = [f"{10 * k},{cells(turned(k))},0,0,1,57.295779513,0,0" for k in range(n)]
    return "t,qw,qx,qy,qz,ax,ay,az,gx,gy,gz\n" + "\n".join(rows) + "\n"
