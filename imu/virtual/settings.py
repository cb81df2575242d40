"""Everything about a virtual wearer that can be set, with the defaults and their units."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from imu.virtual.person.script import Script
from imu.virtual.units.faults import Fault, problems_of

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WearerSettings:
    """How the wearer moves, how the units measure and how the radio behaves.

    A pair (low, high) is a range from which values are drawn evenly; a name with `sd` is the
    standard deviation of a normal distribution about zero.

    Raises
    ------
    ValueError
        When a setting makes no sense; the message lists every one that does not.
    """

    # What is done
    reps: int | None = None
    """Repetitions of the set; None: the exercise's own number."""
    amplitude_deg: float | None = None
    """The wearer's range; None: drawn from the exercise's distribution."""
    script: Script | None = None
    """What is done instead of the everyday script; None: that script."""
    stand_s: float = 4.0
    move_s: float = 4.0
    pose_s: float = 4.0
    still_s: float = 2.0
    """Stillness after the bends and again after the set."""
    bends: int = 5
    bend_deg: float = 55.0
    bend_sd_deg: float = 4.0
    stands: bool = True
    """False: the session begins in the start pose."""
    mounted_as: int | None = None
    """The seed of an earlier session of the same person, whose straps, units and knees these are;
    None: the session's own seed."""
    foot_outward_deg: float = 0.0
    """How far the foot goes outwards once after the bends, to show the sign; 0: not done."""
    sets: int = 1
    set_rest_s: float = 60.0
    """Rest in the start pose between two sets."""

    # How it is done
    stroke_s: Span = (1.0, 2.2)
    hold_s: Span | None = None
    """None: the exercise's own range."""
    hold_sag_share: float = 0.03
    rest_s: Span = (0.4, 1.5)
    return_sd_deg: float = 1.0
    """Rotation left over after each return."""
    amplitude_rep_sd_share: float = 0.05
    """Spread of one wearer's repetitions, and between the two legs, as a share of the range."""
    leg_lag_s: float = 0.12
    """Most that the left leg runs ahead of or behind the right one when both move."""
    start_pose_sd_deg: float = 2.0
    """Error of each hip and knee angle of the start pose."""
    stand_sd_deg: float = 0.0
    """Error of each hip and knee angle of standing straight."""
    turn_sd_deg: float = 60.0
    """Turn of the whole body about the vertical while taking the position."""
    sway_rotation_deg: float = 0.15
    """Root mean square, as for every sway."""
    sway_flexion_deg: float = 0.3
    sway_adduction_deg: float = 0.2
    sway_below_hz: float = 0.3
    pelvis_sway_deg: float = 0.2
    """About each of its three axes."""
    pelvis_sway_below_hz: float = 0.2
    knee_axis_turn_sd_deg: float = 0.0
    knee_axis_tilt_sd_deg: float = 0.0
    """How far the knee's axis is turned about the shank and tilted against it: 2° and 5° on people.
    """
    bend_thigh_share: float = 0.0
    """How far the thigh is lifted in the calibration's knee bends, as a share of the bend."""
    knee_play_deg: float = 0.0
    """Frontal give of the knee at a full range: the shank goes this much further inwards."""

    # What goes wrong with it
    pose_off_deg: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Error of the start pose on top: hip flexion, adduction, rotation, knee flexion."""
    stand_fidget_deg: float = 0.0
    pose_fidget_deg: float = 0.0
    """How far the thigh moves in the middle of the still stand and of the still start pose."""
    bends_reversed: bool = False
    """True: the knee is bent the other way than the exercise asks for."""
    wrong_way_reps: int = 0
    """Movements before the set's repetitions that go outwards instead of inwards."""
    knee_drift_deg: float = 0.0
    """Knee flexion that creeps in over all sets; negative straightens."""
    pelvis_roll_deg: float = 0.0
    """Turn of the pelvis about the thigh with each repetition; positive helps the leg inwards."""
    tremor_deg: float = 0.0
    """Amplitude of a tremor of the hip's rotation, once start pose and knee bends are done."""
    tremor_hz: float = 6.0
    faults: tuple[Fault, ...] = ()
    """What happens to the units and when."""

    # What is strapped on
    pelvis_unit: bool = False
    lean_deg: float = 25.0
    """How far the trunk leans on the way to an upright start pose, with a unit on the pelvis."""
    mount_sd_deg: float = 15.0
    """About each axis, on top of any of the 24 square attitudes."""
    mount_turn_deg: float = 0.0
    """How far every unit is turned away from square, about an axis of its own; on top of the sd."""
    upright_units: bool = False
    """True: units are worn as phones are, y up the leg and the screen (z) forwards, but for the
    error of the mounting."""
    thigh_skin_share: float = 0.30
    """Share of the femur's turn about its own axis that the thigh's skin does not follow."""
    shank_skin_share: float = 0.05
    """The same for the shank."""
    fusion_hz: float = 480.0
    """Rate at which motion is computed and units measure and fuse."""
    gyro_noise_dps_per_sqrt_hz: float = 0.007
    gyro_bias_sd_dps: float = 0.3
    gyro_scale_sd: float = 0.003
    gyro_walk_dps_per_sqrt_s: float = 0.0
    """Random walk of the gyro's bias about each axis."""
    acc_noise_ug_per_sqrt_hz: float = 120.0
    acc_bias_sd_mg: float = 10.0
    acc_step_mps2: float = 0.0
    """Raw accelerations are rounded to this, as some browsers do; 0: not at all."""
    gyro_step_dps: float = 0.0
    tilt_sigma_deg: float | None = None
    """What the units say of themselves, as `imu.sample.Unit` has it."""
    sensor_output: Literal["quaternion", "quaternion+raw", "raw"] = "quaternion"

    # Their radio
    rate_hz: float = 60.0
    connection_interval_s: Span = (0.030, 0.045)
    loss_share: float = 0.01
    loss_burst: tuple[int, int] = (1, 11)
    """Fewest and most samples lost in one go."""
    clock_sd_ppm: float = 40.0
    device_epoch_ticks: int | None = None
    """Every unit's clock at the start of the motion; None: drawn from the whole counter."""

    def __post_init__(self) -> None:
        problems = [*_not_plain(self), *_not_positive(self), *_not_in_order(self)]
        problems += problems_of(self.faults)
        if len(self.pose_off_deg) != 4 or not all(map(math.isfinite, self.pose_off_deg)):
            problems.append(f"pose_off_deg {self.pose_off_deg} must be four numbers")
        if not 0.0 <= self.loss_share <= 0.5:
            problems.append(f"loss_share ({self.loss_share}) must be from 0 to 0.5")
        if self.sensor_output not in ("quaternion", "quaternion+raw", "raw"):
            problems.append(
                f"sensor_output ({self.sensor_output!r}) must be quaternion, quaternion+raw or raw"
            )
        if problems:
            raise ValueError("these settings of the virtual wearer fail: " + "; ".join(problems))


_ABOVE_ZERO = (
    "fusion_hz", "tremor_hz", "rate_hz", "stand_s", "move_s", "pose_s", "still_s", "reps", "sets",
)  # fmt: skip
_ANY_SIGN = ("knee_drift_deg", "pelvis_roll_deg", "foot_outward_deg")
_SPANS = ("stroke_s", "hold_s", "rest_s", "connection_interval_s", "loss_burst")
# A stroke or a connection interval of no length has no speed; a hold, a rest may be of no length.
_SPANS_ABOVE_ZERO = ("stroke_s", "connection_interval_s", "loss_burst")


def _not_plain(settings: WearerSettings) -> list[str]:
    """List the numbers that are negative or not finite."""
    problems = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not isinstance(value, int | float):
            continue
        if field.name in _ANY_SIGN:
            if not math.isfinite(value):
                problems.append(f"{field.name} ({value}) must be a number")
        elif not (math.isfinite(value) and value >= 0):
            problems.append(f"{field.name} ({value}) must be a number from 0 up")
    return problems


def _not_positive(settings: WearerSettings) -> list[str]:
    """List the numbers that are zero where something must happen."""
    return [
        f"{name} must be above 0" for name in _ABOVE_ZERO if getattr(settings, name) in (0, 0.0)
    ]


def _not_in_order(settings: WearerSettings) -> list[str]:
    """List the ranges that are no ranges."""
    problems = []
    for name in _SPANS:
        span = getattr(settings, name)
        if span is not None and not 0 <= span[0] <= span[1] < math.inf:
            problems.append(f"{name} {span} must run from a low to a high number from 0 up")
        elif span is not None and name in _SPANS_ABOVE_ZERO and span[0] == 0:
            problems.append(f"{name} {span} must start above 0")
    return problems
