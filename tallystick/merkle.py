"""The tree over a job's milestone inputs. Mirrors contracts/libraries/MerkleLib.sol; vectors in tests/vectors/.

A leaf carries its index, so an input can stand for no other milestone. Missing leaves up to the next power of two
are zero, which no leaf hash is known to be.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import InputError
from tallystick.hashing import MILESTONE_LEAF, NODE, sha256

MAX_MILESTONES = 256
_HASH_BYTES = 32
_EMPTY = bytes(_HASH_BYTES)


def milestone_leaf(index: int, input_root: bytes) -> bytes:
    """`H(05 | index as 8 bytes | inputRoot)`."""
    return sha256(MILESTONE_LEAF, index.to_bytes(8, "big"), input_root)


def depth_of(count: int) -> int:
    """Levels above the leaves of a tree over `count` leaves."""
    return (count - 1).bit_length()


def _levels(input_roots: Sequence[bytes]) -> list[list[bytes]]:
    if not 1 <= len(input_roots) <= MAX_MILESTONES:
        raise InputError(f"A job has 1 to {MAX_MILESTONES} milestones, not {len(input_roots)}.")
    for index, root in enumerate(input_roots):
        if len(root) != _HASH_BYTES:
            raise InputError(f"The input root of milestone {index} has {len(root)} bytes, not {_HASH_BYTES}.")
    level = [milestone_leaf(index, root) for index, root in enumerate(input_roots)]
    level += [_EMPTY] * (2 ** depth_of(len(level)) - len(level))
    levels = [level]
    while len(level) > 1:
        level = [sha256(NODE, level[i], level[i + 1]) for i in range(0, len(level), 2)]
        levels.append(level)
    return levels


def milestones_root(input_roots: Sequence[bytes]) -> bytes:
    """The job's inputRoot over its milestones' 32-byte input roots, in order. Raises InputError."""
    return _levels(input_roots)[-1][0]


def milestone_path(input_roots: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from leaf `index` up to the root. Raises InputError for an index that is not there."""
    if not 0 <= index < len(input_roots):
        raise InputError(f"There is no milestone {index} among {len(input_roots)}.")
    return [level[(index >> height) ^ 1] for height, level in enumerate(_levels(input_roots)[:-1])]


def path_leads_to(root: bytes, input_root: bytes, index: int, count: int, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that `input_root` is milestone `index` of the `count` under `root`."""
    if not 0 <= index < count or len(path) != depth_of(count):
        return False
    node = milestone_leaf(index, input_root)
    for height, sibling in enumerate(path):
        node = sha256(NODE, sibling, node) if (index >> height) & 1 else sha256(NODE, node, sibling)
    return node == root
