"""How much of anything a model file may ask for. A file is a stranger's: nothing is allocated that these do not allow."""

from __future__ import annotations

import dataclasses

PROTOBUF_LIMIT = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds that hold while a file is loaded and simplified.

    Attributes:
        file_bytes: Of the file, and once more of all its external data together. Parsing takes up to eight times as much
            memory (integers that the file holds in one byte each become eight).
        fields: Of the protobuf, at every depth: each becomes an object.
        depth: Of messages within messages, and of functions that call functions.
        nodes: After functions are inlined.
        elements: Of one tensor.
        folded: Elements of all constants together that are computed rather than read.
        work: Multiplications that computing constants may take.
    """

    file_bytes: int = 2**30
    fields: int = 4_000_000
    depth: int = 32
    nodes: int = 20_000
    elements: int = 2**28
    folded: int = 2**28
    work: int = 2**34

    def __post_init__(self) -> None:
        if self.file_bytes > PROTOBUF_LIMIT:
            raise ValueError(f"protobuf holds at most {PROTOBUF_LIMIT} bytes, not {self.file_bytes}")


DEFAULT_LIMITS = Limits()
