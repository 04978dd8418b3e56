"""What a machine has: the part of an announcement that requirements are held against."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tallystick.ids import AddressField

MAX_ENTRIES = 64
"""Of each list: more GPUs than one machine holds, and few enough that no announcement is a burden."""

PROVERS = ("ezkl",)
"""Proof systems: what a job of proof kind `zk` needs one of."""

ENGINES = ("engine-numpy", "engine-onnxruntime", "engine-cuda")
"""Backends of the engine, exact on the machine that announces them: what an `optimistic` job needs one of. Their version is that
of the engine's semantics, not of a library."""

_Bytes = Annotated[int, Field(ge=0, lt=1 << 63)]
_Version = Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+-]*$", max_length=40)]
_Word = Annotated[str, Field(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=40)]


class Gpu(BaseModel):
    """One GPU.

    Attributes:
        model: As its driver names it, for example `NVIDIA H100 80GB HBM3`.
        compute_capability: Major and minor, for example `9.0`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=100)]
    vram_bytes: _Bytes
    compute_capability: Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$")]


class Backend(BaseModel):
    """One proof system or backend of the engine that is installed, for example `ezkl` 23.0.5 or `engine-numpy` 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
    version: _Version


class Capability(BaseModel):
    """What an executor says of its machine, and what it asks for its time.

    Attributes:
        driver: Of the GPUs; None where there is none.
        region: Lower case, from wide to narrow, for example `eu` or `eu-west`; empty where it is not said.
        os: Lower case, for example `linux`.
        min_milestone_price: What a milestone must pay at least, in the payment token's smallest unit.
        payment_tokens: Taken in payment; empty where it is not said.
        max_jobs: Held at once; None where it is not said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: Annotated[tuple[Gpu, ...], Field(max_length=MAX_ENTRIES)] = ()
    driver: _Version | None = None
    cpu_cores: Annotated[int, Field(ge=1, le=1 << 20)]
    memory_bytes: _Bytes
    disk_bytes: _Bytes
    region: _Word = ""
    os: _Word = ""
    provers: Annotated[tuple[Backend, ...], Field(max_length=MAX_ENTRIES)] = ()
    min_milestone_price: Annotated[int, Field(ge=0, lt=1 << 128)] = 0
    payment_tokens: Annotated[tuple[AddressField, ...], Field(max_length=MAX_ENTRIES)] = ()
    max_jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
