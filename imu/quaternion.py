"""Unit quaternions (w, x, y, z) and vectors, each formula once for one instant and for many.

A quaternion rotates vectors of its own frame into the frame it is named for: `q_earth_thigh`
takes a thigh vector to the earth. Products chain from right to left. The parts of a quaternion or
of a vector are floats, or arrays of one shape: the live path uses floats, because a numpy call per
sample would cost fifty microseconds, a recording uses arrays. What `math` and `numpy` call by other
names comes from `FLOATS` or `ARRAYS`. `wxyz` and `xyz` take a table apart into its columns,
`table_of` puts columns together. NaN in gives NaN out.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
T = TypeVar("T")
Number = TypeVar("Number", float, Array)
Truth = Any
"""A bool of floats, an array of bools of arrays."""
Wxyz = tuple[Number, Number, Number, Number]
"""A quaternion by its parts."""
Xyz = tuple[Number, Number, Number]
"""A vector by its parts."""
Quaternion = Wxyz[float]
Vector = Xyz[float]

TWO_PI = 2.0 * math.pi
IDENTITY: Quaternion = (1.0, 0.0, 0.0, 0.0)
# An angle (rad) that small is as good as none: sin(u·angle) / sin(angle) is u to the last bit.
SLERP_LEAST_RAD = 1e-9
SAME_GAIN = 1e-9
"""Shares that differ by less, relatively, are one: times of an eight-hour recording round so."""
SHORT_RUN = 32
"""A filter of fewer rows takes longer than they do one by one."""
FADED = 1e-3
"""How far a row may fade within a block of a filter: three of the sixteen digits are lost."""
CACHED_ROWS = 16_384
"""So many rows at a time stay in a processor's cache, which is four times as fast as an hour's."""
SHORT_BLOCK = 8
"""A filter that forgets sooner, or has fewer rows, takes them one by one."""


@dataclass(frozen=True, slots=True)
class Numbers(Generic[Number]):
    """What formulas need beyond + − · /, for floats (one row) or for arrays (n,) of rows.

    Angles are in radians. The second half deals with rows that follow one another: what the row
    before held, what a filter made of the rows so far. Over floats a formula is asked row by row
    and keeps the state between; over arrays it is asked once for many rows.
    """

    sqrt: Callable[[Number], Number]
    sin: Callable[[Number], Number]
    cos: Callable[[Number], Number]
    expm1: Callable[[Number], Number]
    asin: Callable[[Number], Number]
    """Of a sine that rounding may have taken beyond ±1."""
    acos: Callable[[Number], Number]
    """Likewise."""
    atan2: Callable[[Number, Number], Number]
    hypot: Callable[[Number, Any], Number]
    wrap: Callable[[Number], Number]
    """An angle between −π and π."""
    larger: Callable[[Number, Any], Number]
    smaller: Callable[[Number, Any], Number]
    where: Callable[[Any, Any, Any], Number]
    """The first value where a condition holds, else the second; both must be computable."""

    pick: Callable[[Any, tuple[Any, ...]], tuple[Any, ...] | None]
    """The rows of columns, vectors among them, at which a condition holds; None where nowhere."""
    spread: Callable[[Any, Any, float], Number]
    """What was found for the rows that `pick` took, back in their places, a filler elsewhere."""
    hold: Callable[[Any, Any, float], Number]
    """The value of the last row at which a condition held; before the first one what is given."""
    before: Callable[[Any, Any], Number]
    """The value of the row before each; before the first one what is given."""
    shift: Callable[[tuple[Any, ...], Any], tuple[Any, Any]]
    """The columns of the row before each and those of the last row, given the last one before."""
    highest: Callable[[Any, Any], Any]
    """The largest value so far, of those given too."""
    first: Callable[[Number], float]
    last: Callable[[Any], float]
    follow: Callable[[float, Number, Any], tuple[Number, float]]
    """What follows a value from a start, going a share (0…1, also one a row) of the way each row;
    and where it ends.

    Over arrays the rows are summed in blocks, 15 times as fast as row by row, and without
    `scipy.signal`, whose import takes longer than the analysis of a minute.
    """
    each: Callable[..., tuple[Any, ...]]
    """The columns that a function of single rows returns, called with them in order."""


def _choose(condition: bool, value: T, other: T) -> T:
    return value if condition else other


def _larger(one: float, other: float) -> float:
    return other if other > one else one  # a third of the time of `max`


def _smaller(one: float, other: float) -> float:
    return other if other < one else one


def _asin(sine: float) -> float:
    if -1.0 <= sine <= 1.0:
        return math.asin(sine)
    return sine if sine != sine else math.copysign(math.pi / 2.0, sine)


def _acos(cosine: float) -> float:
    if -1.0 <= cosine <= 1.0:
        return math.acos(cosine)
    return cosine if cosine != cosine else math.pi * (cosine < 0.0)


def _nested(function: Callable[..., Any], *columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a function makes of columns, alone or in tuples such as vectors."""
    return tuple(
        _nested(function, *parts) if isinstance(parts[0], tuple) else function(*parts)
        for parts in zip(*columns, strict=True)
    )


def _pick_rows(condition: BoolArray, columns: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if condition.all():
        return columns if len(condition) else None
    return _nested(lambda column: column[condition], columns) if condition.any() else None


def _spread_rows(condition: BoolArray, found: Array, filler: float) -> Array:
    if len(found) == len(condition):
        return found
    out = np.full(len(condition), filler)
    out[condition] = found
    return out


def _hold_rows(condition: BoolArray, value: Array, before: float) -> Array:
    if condition.all():
        return value
    last = np.maximum.accumulate(np.where(condition, np.arange(len(value)), -1))
    return np.where(last >= 0, value[np.maximum(last, 0)], before)


def _follow_one(start: float, value: float, share: float) -> tuple[float, float]:
    now = start + share * (value - start)
    return now, now


def _follow_rows(start: float, value: Array, share: Array | float) -> tuple[Array, float]:
    """Filter runs of rows whose shares are alike but for the rounding of time; others singly."""
    if not isinstance(share, np.ndarray):
        out = _follow_run(start, value, share)
        return out, float(out[-1]) if len(out) else start
    usual = float(np.median(share)) if len(value) else 0.0
    odd = np.flatnonzero(np.abs(share - usual) > SAME_GAIN * usual).tolist()
    if len(odd) * SHORT_RUN > len(value):
        odd = list(range(len(value)))
    out, now, first = np.empty(len(value)), start, 0
    for at in [*odd, len(value)]:
        if at > first:
            out[first:at] = _follow_run(now, value[first:at], usual)
            now = float(out[at - 1])
        if at < len(value):
            out[at] = now = now + float(share[at]) * (float(value[at]) - now)
        first = at + 1
    return out, now


def _follow_run(start: float, value: Array, share: float) -> Array:
    """Filter rows of one share, as sums over blocks in which the oldest row does not fade away.

    A row n of a block adds share · keep^(m−n) · value to each row m after it, so that running sums
    of value · keep^−n give the block; what came before it fades on from its last row.
    """
    keep = 1.0 - share
    size = int(math.log(FADED) / math.log(keep)) if 0.0 < keep < 1.0 else 0
    if size < SHORT_BLOCK or len(value) < SHORT_RUN:
        rows = accumulate(value.tolist(), lambda now, x: now + share * (x - now), initial=start)
        return np.fromiter(rows, np.float64, len(value) + 1)[1:]
    size = min(size, len(value))
    fading = keep ** np.arange(1, size + 1)
    raised, fade = share / fading, float(fading[-1])
    step, out = max(1, CACHED_ROWS // size) * size, np.empty(-(-len(value) // size) * size)
    out[len(value) :] = 0.0
    out[: len(value)] = value
    for first in range(0, len(out), step):
        sums = out[first : first + step].reshape(-1, size)
        sums *= raised
        np.cumsum(sums, axis=1, out=sums)
        sums *= fading
        ends = accumulate(sums[:, -1].tolist(), lambda now, last: fade * now + last, initial=start)
        begins = np.fromiter(ends, np.float64, len(sums) + 1)
        sums += begins[:-1, np.newaxis] * fading
        start = float(begins[-1])
    return out[: len(value)]


def _each_row(function: Callable[..., tuple[Any, ...]], *columns: Array) -> tuple[Array, ...]:
    found = map(function, *(column.tolist() for column in columns))
    return tuple(np.array(column) for column in zip(*found, strict=True))


def _shift_rows(now: tuple[Any, ...], last: tuple[Any, ...] | None) -> tuple[Any, Any]:
    starts = last or _nested(ARRAYS.first, now)
    return _nested(ARRAYS.before, now, starts), _nested(ARRAYS.last, now)


FLOATS: Numbers[float] = Numbers(
    sqrt=math.sqrt,
    sin=math.sin,
    cos=math.cos,
    expm1=math.expm1,
    asin=_asin,
    acos=_acos,
    atan2=math.atan2,
    hypot=math.hypot,
    wrap=lambda angle: math.remainder(angle, TWO_PI),
    larger=_larger,
    smaller=_smaller,
    where=_choose,
    pick=lambda condition, columns: columns if condition else None,
    spread=lambda condition, found, filler: found if condition else filler,
    hold=_choose,
    before=lambda value, before: before,  # noqa: ARG005 (as over arrays)
    shift=lambda now, last: (last or now, now),
    highest=_larger,
    first=operator.pos,  # the value itself, without a call of Python
    last=operator.pos,
    follow=_follow_one,
    each=lambda function, *row: function(*row),
)
ARRAYS: Numbers[Array] = Numbers(
    sqrt=np.sqrt,
    sin=np.sin,
    cos=np.cos,
    expm1=np.expm1,
    asin=lambda sine: np.arcsin(np.minimum(np.maximum(sine, -1.0), 1.0)),
    acos=lambda cosine: np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0)),
    atan2=np.arctan2,
    hypot=np.hypot,
    wrap=lambda angle: angle - TWO_PI * np.round(angle / TWO_PI),
    larger=np.maximum,
    smaller=np.minimum,
    where=np.where,
    pick=_pick_rows,
    spread=_spread_rows,
    hold=_hold_rows,
    before=lambda value, before: np.concatenate(([before], value[:-1])),
    shift=_shift_rows,
    highest=lambda before, value: np.maximum.accumulate(np.maximum(value, before)),
    first=lambda value: value[0].item(),
    last=lambda value: value[-1].item(),
    follow=_follow_rows,
    each=_each_row,
)


def wxyz(q: Array) -> Wxyz[Array]:
    """Return the columns w, x, y and z of quaternions (..., 4), each (...) and in one piece."""
    w, x, y, z = np.ascontiguousarray(np.moveaxis(q, -1, 0))
    return w, x, y, z


def xyz(v: Array) -> Xyz[Array]:
    """Return the columns x, y and z of vectors (..., 3), each (...) and in one piece."""
    x, y, z = np.ascontiguousarray(np.moveaxis(v, -1, 0))
    return x, y, z


def table_of(parts: Sequence[Array]) -> Array:
    """Return quaternions (..., 4) or vectors (..., 3) of their columns (...)."""
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def by_rows(
    formula: Callable[..., Sequence[Array]],
    *tables: Array | Vector | Quaternion,
    **of: Numbers[Array],
) -> Array:
    """Return what a formula makes of tables (..., 3) or (..., 4), or of single axes, as a table."""
    columns = (np.ascontiguousarray(np.moveaxis(np.asarray(t), -1, 0)) for t in tables)
    return table_of(formula(*columns, **of))


def multiply(a: Wxyz[Number], b: Wxyz[Number] | Quaternion) -> Wxyz[Number]:
    """Return the Hamilton product a ⊗ b: rotate by b, then by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def conjugate(q: Wxyz[Number]) -> Wxyz[Number]:
    """Return the inverse rotation of a unit quaternion."""
    return (q[0], -q[1], -q[2], -q[3])


def turn_rad(a: Quaternion, b: Quaternion) -> float:
    """Return the angle by which one orientation is turned against another, from 0 to π."""
    turn = multiply(conjugate(a), b)
    return 2.0 * math.atan2(math.hypot(*turn[1:]), abs(turn[0]))


def norm(q: Wxyz[Number], of: Numbers[Number]) -> Number:
    """Return the length of a quaternion."""
    return of.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])


def normalise(q: Wxyz[Number], of: Numbers[Number]) -> Wxyz[Number]:
    """Return q scaled to length one; NaN where it is zero."""
    n = norm(q, of)
    n = of.where(n > 0.0, n, math.nan)
    return (q[0] / n, q[1] / n, q[2] / n, q[3] / n)


def rotate(q: Wxyz[Number], v: Xyz[Number] | Vector) -> Xyz[Number]:
    """Return v, given in the frame of q, in the frame that q leads to."""
    w, x, y, z = q
    a, b, c = v
    # v + 2w(r × v) + 2 r × (r × v), with r the vector part
    tx = 2.0 * (y * c - z * b)
    ty = 2.0 * (z * a - x * c)
    tz = 2.0 * (x * b - y * a)
    return (
        a + w * tx + y * tz - z * ty,
        b + w * ty + z * tx - x * tz,
        c + w * tz + x * ty - y * tx,
    )


def slerp(a: Wxyz[Number], b: Wxyz[Number], u: Number, of: Numbers[Number]) -> Wxyz[Number]:
    """Return the rotation a share u of the shortest way from a to b (Shoemake 1985)."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    dot = aw * bw + ax * bx + ay * by + az * bz
    angle = of.larger(of.acos(abs(dot)), SLERP_LEAST_RAD)
    s = of.sin(angle)
    ka, kb = of.sin((1.0 - u) * angle) / s, of.sin(u * angle) / s
    kb = of.where(dot < 0.0, -kb, kb)  # the same rotation on the other half of the sphere
    w, x, y, z = ka * aw + kb * bw, ka * ax + kb * bx, ka * ay + kb * by, ka * az + kb * bz
    n = of.sqrt(w * w + x * x + y * y + z * z)  # `normalise`, without its calls a unit and frame
    return (w / n, x / n, y / n, z / n)


def from_axis_angle(
    axis: Xyz[Number] | Vector, angle_rad: Number, of: Numbers[Number]
) -> Wxyz[Number]:
    """Return the rotation by an angle about a unit axis."""
    s = of.sin(angle_rad / 2.0)
    return (of.cos(angle_rad / 2.0), axis[0] * s, axis[1] * s, axis[2] * s)


def rotation_vector(q: Wxyz[Number], of: Numbers[Number]) -> Xyz[Number]:
    """Return the rotation vector in rad, at most π long, of a unit quaternion."""
    sign = of.where(q[0] < 0.0, -1.0, 1.0)
    length = of.sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    # angle/length tends to 2 for small rotations of unit quaternions
    tiny = length <= 1e-12
    scale = of.where(tiny, 2.0, 2.0 * of.atan2(length, sign * q[0]) / of.where(tiny, 1.0, length))
    scale = sign * scale
    return (q[1] * scale, q[2] * scale, q[3] * scale)
