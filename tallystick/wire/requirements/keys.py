"""What can be required: each key, the kind of its values, and where a capability says what is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tallystick.wire.capability import PROVERS, Capability
from tallystick.wire.requirements.kinds import Count, Kind, Pattern, Size, Value, Version, Word

Group = Literal["machine", "gpu", "prover"]
"""What a key is about: the machine as a whole, or each of its GPUs or installed proof systems."""

Candidate = Mapping[str, Value]
"""What is found of one machine, GPU or proof system, by key."""

GPU_COUNT = "gpu"


@dataclass(frozen=True)
class Key:
    name: str
    group: Group
    kind: Kind
    about: str
    example: str


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("gpu", "gpu", Count(), "GPUs that meet every other gpu requirement", "gpu>=1"),
        Key("gpu.model", "gpu", Pattern(), "model of a GPU", "gpu.model=H100|A100*"),
        Key("vram", "gpu", Size(), "memory of a GPU", "vram>=16GiB"),
        Key("cc", "gpu", Version("a compute capability such as 8.0", 2), "compute capability of a GPU", "cc>=8.0"),
        Key("driver", "machine", Version("a version such as 535.104", 4), "version of the GPU driver", "driver>=535"),
        Key("cpu", "machine", Count(), "processor cores", "cpu>=8"),
        Key("mem", "machine", Size(), "main memory", "mem>=32GiB"),
        Key("disk", "machine", Size(), "free disk", "disk>=100GiB"),
        Key("region", "machine", Word(), "where the machine stands", "region=eu|us"),
        Key("os", "machine", Word(), "operating system", "os=linux"),
        *(
            Key(name, "prover", Version("a version such as 23.0", 4), f"version of the {name} prover", f"{name}>=23")
            for name in PROVERS
        ),
    )
}


def candidates(capability: Capability, group: Group) -> list[Candidate]:
    """Everything of a group that a capability lists. A key is left out where the capability does not say it."""
    if group == "gpu":
        return [
            {"gpu.model": gpu.model, "vram": gpu.vram_bytes, "cc": _numbers(gpu.compute_capability)}
            for gpu in capability.gpus
        ]
    if group == "prover":
        return [{backend.name: _numbers(backend.version)} for backend in capability.provers if backend.name in PROVERS]
    return [_machine(capability)]


def _machine(capability: Capability) -> Candidate:
    said: Iterable[tuple[str, Value | None]] = (
        ("cpu", capability.cpu_cores),
        ("mem", capability.memory_bytes),
        ("disk", capability.disk_bytes),
        ("driver", _numbers(capability.driver) if capability.driver else None),
        ("region", capability.region or None),
        ("os", capability.os or None),
    )
    return {key: value for key, value in said if value is not None}


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers: `23.0.5rc1` counts as 23.0.5."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
