"""Gravity refuses a unit that is read wrongly at one pose, and names the cause after three."""

from __future__ import annotations

import math

import pytest
from scipy.spatial.transform import Rotation

from imu.conventions.gravity_witness import GravityWitness
from imu.conventions.reread import Convention, convention_of
from imu.profiles.profile import load_profiles
from imu.sample import Sample

G = 9.81
FLAT, TIPPED, ROLLED = (Rotation.from_euler("ZYX", a, degrees=True) for a in (
    (40.0, 10.0, 5.0), (80.0, 55.0, 20.0), (-30.0, -15.0, 70.0),
))  # fmt: skip


def sent(spoil, poses, *, acc=lambda a: a, hz=50, still_s=1.5):
    """Yield the samples of a unit that lies still in some poses and is carried between them."""
    at_ns = 0
    for pose in poses:
        for moment in range(round(still_s * hz)):
            true = pose.inv().apply([0.0, 0.0, G])
            x, y, z, w = spoil(pose).as_quat()
            at_ns += round(1e9 / hz)
            wobble = 0.02 * math.sin(moment)
            yield Sample(0, at_ns, None, None, (w, x, y, z), tuple(acc(true) + wobble))


def doubts(witness, samples):
    return [doubt for sample in samples if (doubt := witness.push(sample))]


DOWN = Rotation.from_quat([1, 0, 0, 0])
SIDE = Rotation.from_euler("x", -90, degrees=True)


@pytest.mark.parametrize(
    ("spoil", "change"),
    [
        (lambda r: DOWN * r, 'its earth points down: set earth_frame to "NED"'),
        (lambda r: SIDE * r, 'its y is up: set earth_frame to "YUP"'),
        (lambda r: r.inv(), 'set rotation to "earth_to_sensor"'),
    ],
    ids=["NED", "YUP", "inverse"],
)
def test_one_pose_refuses_and_three_name_the_change(spoil, change):
    witness = GravityWitness(Convention())
    first, *_, last = doubts(witness, sent(spoil, [FLAT, TIPPED, ROLLED]))
    assert not first.named
    assert not first.is_final
    assert "hold it still in two more positions" in first.sentence("right thigh")
    assert change not in first.sentence("right thigh")
    assert last.named
    assert last.is_final
    assert last.poses == 3
    assert change in last.sentence("right thigh")
    assert change in last.fits[0]


def test_an_honest_unit_is_never_doubted():
    assert not doubts(GravityWitness(Convention()), sent(lambda r: r, [FLAT, TIPPED, ROLLED] * 4))


def test_a_fusion_that_is_ten_degrees_off_is_not_doubted_and_one_of_eleven_is():
    for degrees, told in ((9.0, 0), (11.5, 1)):
        tilt = Rotation.from_euler("x", degrees, degrees=True)
        witness = GravityWitness(Convention())
        assert len(doubts(witness, sent(lambda r, t=tilt: t * r, [FLAT]))) == told


def test_poses_that_are_alike_refuse_and_never_name_anything():
    near = [FLAT, FLAT * Rotation.from_euler("x", 20, degrees=True), FLAT] * 6
    first, last = doubts(GravityWitness(Convention()), sent(lambda r: DOWN * r, near))
    assert not first.is_final
    assert last.is_final
    assert not last.named
    assert "nothing can be measured with it" in last.sentence("right thigh")


def test_a_filter_that_settles_is_not_refused():
    late = Rotation.from_euler("x", 30, degrees=True)
    spoiled = iter([late] * 75 + [Rotation.identity()] * 5000)
    samples = sent(lambda r: next(spoiled) * r, [FLAT] * 2 + [TIPPED] * 20)
    (only,) = doubts(GravityWitness(Convention()), samples)
    assert not only.is_final


def test_every_change_that_fits_is_named():
    (*_, last) = doubts(
        GravityWitness(Convention()), sent(lambda r: r, [FLAT, TIPPED, ROLLED], acc=lambda a: -a)
    )
    assert last.fits == (
        'its earth points down: set earth_frame to "NED"',
        "set sign of field.acc to { x = -1, y = -1, z = -1 }",
    )


def test_what_a_profile_says_already_is_taken_back():
    thingy = load_profiles()["nordic_thingy52"]
    now = convention_of(thingy, "quaternion")
    (*_, last) = doubts(GravityWitness(now), sent(lambda r: DOWN * r, [FLAT, TIPPED, ROLLED]))
    assert last.fits[0] == 'its earth points up: set earth_frame to "ENU"'


def test_what_is_no_gravity_is_no_witness():
    samples = sent(lambda r: DOWN * r, [FLAT, TIPPED, ROLLED], acc=lambda a: a * 0.1)
    assert not doubts(GravityWitness(Convention()), samples)
    moving = list(sent(lambda r: DOWN * r, [FLAT, TIPPED, ROLLED] * 9, still_s=0.8))
    assert not doubts(GravityWitness(Convention()), moving)


def test_a_profile_is_read_back_as_it_says():
    profiles = load_profiles()
    assert convention_of(profiles["movella_dot"], "mode_26") == Convention()
    assert convention_of(profiles["haritorax_wireless"], "sensor") == Convention(order="xyzw")
    assert convention_of(profiles["sony_mocopi"], "quaternion") == Convention(earth="YUP")
    assert convention_of(profiles["witmotion_ble5"], "angles") == Convention(angles=True)
