"""SHA-256 with one leading byte per use, so that no hash of one thing is ever a hash of another.

Domain bytes are shared with contracts/libraries; docs/protocol.md lists them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tallystick.errors import TensorError

LEAF = b"\x00"
NODE = b"\x01"
TENSOR = b"\x02"
STEP = b"\x03"
PROGRAM = b"\x04"
MILESTONE_LEAF = b"\x05"
INSTANCES = b"\x06"

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of BN254's scalar field: an EZKL instance is an integer below it (EIP-196 calls it the group order)."""


def sha256(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def to_field(value: int) -> int:
    """A signed integer as a field element; negatives count down from the field's order."""
    return value % FIELD


def from_field(element: int) -> int:
    """The signed integer of least magnitude that `element` stands for."""
    return element if element <= FIELD // 2 else element - FIELD


def instance_root(elements: Sequence[int]) -> bytes:
    """`H(06 | n | words)`: what a statement's inputRoot and outputRoot are for proof kind Zk.

    Args:
        elements: Field elements in circuit order, each in 0..FIELD-1.

    Raises:
        TensorError: an element is not canonical.
    """
    for index, element in enumerate(elements):
        if not 0 <= element < FIELD:
            raise TensorError(f"Instance {index} is {element}, which is not a field element.")
    words = b"".join(element.to_bytes(32, "big") for element in elements)
    return sha256(INSTANCES, len(elements).to_bytes(8, "big"), words)
