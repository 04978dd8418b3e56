"""Scales and zero points behind a table of two bytes: a program keeps tables only, onnxruntime's operators want numbers.

What is found here is a proposal. Whoever uses it runs the operator over all 65,536 pairs first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.float64]

_CROSSINGS = 32
_FEWEST_CELLS = 64
_ROUGHLY = 0.75
"""A sum's least squares are never off by this much."""
_FAR = 0.3
"""Cells that are off by less do not bound the slopes."""
_CLOSE = 0.05
"""Cells whose real value is this near to a half-way point decide about the scales; the others follow."""
_NEAR = 1e-3
"""Those that single precision can still put on the other side."""
_ZERO_POINTS = 64
_BOX = 3e-3
_CUTS = 200
_TOLERANCE = 1.5e-5
"""Of what single precision makes of a value below 256."""
_PROPOSALS = 4
_NEIGHBOURS = 6
"""Single-precision neighbours that are tried on each side of a scale."""


@dataclasses.dataclass(frozen=True)
class TwoScales:
    """`op` is QLinearAdd or QLinearMul. Of the operands' scales and zero points, and the output's zero point; its scale is 1."""

    op: str
    scales: tuple[np.float32, np.float32]
    zeros: tuple[int, int, int]


def proposals(table: npt.NDArray[np.uint8]) -> Iterator[TwoScales]:
    """Of a table [256, 256] by unsigned bytes, most likely first."""
    yield from _sums(table)
    yield from _products(table)


# ---- products ---------------------------------------------------------------------------------------------------------


def _products(table: npt.NDArray[np.uint8]) -> Iterator[TwoScales]:
    """`rne((a - za) * (b - zb) * r + zc)`: the row of za and the column of zb hold zc alone."""
    rows = np.flatnonzero((table == table[:, :1]).all(axis=1))
    columns = np.flatnonzero((table == table[:1]).all(axis=0))
    crossings = ((int(za), int(zb)) for za in rows for zb in columns if table[za, 0] == table[0, zb])
    for za, zb in itertools.islice(crossings, _CROSSINGS):
        zc = int(table[za, zb])
        for scale in itertools.islice(_product_scales(table, za, zb, zc), _PROPOSALS):
            yield TwoScales("QLinearMul", (scale, np.float32(1)), (za, zb, zc))


def _product_scales(table: npt.NDArray[np.uint8], za: int, zb: int, zc: int) -> Iterator[np.float32]:
    p = np.multiply.outer(np.arange(256) - za, np.arange(256) - zb).astype(np.float64)
    t = table.astype(np.float64)
    use = (t > 0) & (t < 255) & (p != 0)
    if not use.any():
        return
    ends = np.stack([(t[use] - zc - 0.5) / p[use], (t[use] - zc + 0.5) / p[use]])
    low, high = ends.min(axis=0).max(), ends.max(axis=0).min()
    if not 0 < low <= high * (1 + 1e-6):
        return
    for scale in _around(np.float32((low + high) / 2)):
        # The zero point is added before rounding: that is how onnxruntime multiplies.
        if np.array_equal(np.clip(np.rint((p * np.float64(scale) + zc).astype(np.float32)), 0, 255), t):
            yield scale


def _around(scale: np.float32) -> Iterator[np.float32]:
    bits = int(np.float32(scale).view(np.int32))
    for step in sorted(range(-_NEIGHBOURS, _NEIGHBOURS + 1), key=abs):
        yield np.int32(bits + step).view(np.float32)


# ---- sums -------------------------------------------------------------------------------------------------------------


def _sums(table: npt.NDArray[np.uint8]) -> Iterator[TwoScales]:
    """`rne(ra * (a - za) + rb * (b - zb)) + zc`: a plane, as far as it is not saturated."""
    a, b = (grid.astype(np.float64) for grid in np.divmod(np.arange(65536), 256))
    t = table.astype(np.float64).reshape(-1)
    inside = (t > 0) & (t < 255)
    if inside.sum() < _FEWEST_CELLS:
        return
    a, b, t = a[inside], b[inside], t[inside]
    system = np.stack([a, b, np.ones(len(t))], axis=1)
    plane: Grid = np.linalg.lstsq(system, t, rcond=None)[0].astype(np.float64)
    error = np.abs(system @ plane - t)
    if error.max() > _ROUGHLY or plane[0] <= 0 or plane[1] <= 0:
        return
    far = error >= min(_FAR, error.max())
    region = _region(plane[:2], int(far.sum()), _any_constant(system[far, :2], t[far]))
    if region is None:
        return
    slopes = region.mean(axis=0)
    rest = t - system[:, :2] @ slopes
    plane = np.array([*slopes, (rest.max() + rest.min()) / 2])
    close = np.abs(np.abs(system @ plane - t) - 0.5) < _CLOSE
    for zeros in _zero_points(plane):
        yield from _sum_scales(a[close], b[close], t[close], zeros, plane)


def _zero_points(plane: Grid) -> list[tuple[int, int, int]]:
    """Integers with `zc - ra * za - rb * zb` nearest to the plane's constant."""
    za, zb = np.divmod(np.arange(65536), 256)
    exact = plane[2] + plane[0] * za + plane[1] * zb
    zc = np.rint(exact)
    miss = np.where((zc < 0) | (zc > 255), np.inf, np.abs(exact - zc))
    best = np.argsort(miss, kind="stable")[:_ZERO_POINTS]
    return [(int(za[k]), int(zb[k]), int(zc[k])) for k in best]


def _sum_scales(a: Grid, b: Grid, t: Grid, zeros: tuple[int, int, int], plane: Grid) -> Iterator[TwoScales]:
    """Pairs of single-precision scales that give every cell, as onnxruntime computes it; the first few."""
    system = np.stack([a - zeros[0], b - zeros[1]], axis=1)
    region = _region(plane[:2], len(t), _no_constant(system, t - zeros[2]))
    if region is None:
        return
    found = 0
    middle = region.mean(axis=0)
    near = np.abs(np.abs((a - zeros[0]) * middle[0] + (b - zeros[1]) * middle[1] + zeros[2] - t) - 0.5) < _NEAR
    for ra in _around(np.float32(middle[0])):
        for rb in _around(np.float32(middle[1])):
            if found < _PROPOSALS and _gives(a[near], b[near], t[near], (ra, rb), zeros):
                found += 1
                yield TwoScales("QLinearAdd", (ra, rb), zeros)


def _gives(a: Grid, b: Grid, t: Grid, scales: tuple[np.float32, np.float32], zeros: tuple[int, int, int]) -> bool:
    return np.array_equal(np.clip(np.rint(fused_sum(a, b, scales, zeros)), 0, 255), t)


Cut = tuple[Grid, float] | None
"""A half-plane `normal @ p <= bound` that some corner is outside of; None where there is none."""


def _no_constant(system: Grid, t: Grid) -> Callable[[Grid], Cut]:
    """Slopes with `abs(system @ p - t) <= 1/2` in every row."""

    def worst(corners: Grid) -> Cut:
        error = system @ corners.T - t[:, None]
        row, corner = np.unravel_index(int(np.abs(error).argmax()), error.shape)
        if abs(error[row, corner]) <= 0.5 + 2 * _TOLERANCE:
            return None
        sign = np.sign(error[row, corner])
        return sign * system[row], float(sign * t[row] + 0.5 + _TOLERANCE)

    return worst


def _any_constant(system: Grid, t: Grid) -> Callable[[Grid], Cut]:
    """Slopes with `abs(system @ p + c - t) <= 1/2` in every row for some c: no two rows want constants over 1 apart."""

    def worst(corners: Grid) -> Cut:
        rest = t[:, None] - system @ corners.T
        low, high = rest.argmin(axis=0), rest.argmax(axis=0)
        apart = np.take_along_axis(rest, high[None], 0)[0] - np.take_along_axis(rest, low[None], 0)[0]
        corner = int(apart.argmax())
        if apart[corner] <= 1 + 2 * _TOLERANCE:
            return None
        least, most = low[corner], high[corner]
        return system[least] - system[most], float(1 + t[least] - t[most] + _TOLERANCE)

    return worst


def _region(start: Grid, rows: int, worst: Callable[[Grid], Cut]) -> Grid | None:
    """Corners of the slopes near `start` that no cut is left for; None where there are none. Without rows there are no cuts."""
    corners = start + _BOX * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for _ in range(_CUTS):
        cut = worst(corners) if rows else None
        if cut is None:
            return corners
        corners = _cut(corners, *cut)
        if not len(corners):
            return None
    return corners


def _cut(corners: Grid, normal: Grid, bound: float) -> Grid:
    """The part of a convex polygon where `normal @ p <= bound`."""
    over = corners @ normal - bound
    kept = []
    for k, (here, there) in enumerate(zip(over, np.roll(over, -1), strict=True)):
        if here <= 0:
            kept.append(corners[k])
        if (here < 0 < there) or (there < 0 < here):
            kept.append(corners[k] + (corners[(k + 1) % len(over)] - corners[k]) * (here / (here - there)))
    return np.array(kept)


def fused_sum(
    a: Grid, b: Grid, scales: tuple[np.float32, np.float32], zeros: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """`fma(a, ra, fma(b, rb, fixed))` in single precision: how onnxruntime's vectors add, the output's scale being 1."""
    ra, rb = (np.float64(scale) for scale in scales)
    shift = np.float32(ra * zeros[0] + np.float64(np.float32(rb * zeros[1])))
    fixed = np.float32(zeros[2]) - shift
    inner = (b * rb + np.float64(fixed)).astype(np.float32)
    result: npt.NDArray[np.float32] = (a * ra + inner.astype(np.float64)).astype(np.float32)
    return result
