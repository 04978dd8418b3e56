"""What this machine has, read from the machine. A missing driver, an odd GPU or a container's limits are no reason to fail."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil
import pynvml

from tallystick.ids import Address
from tallystick.logs import get_logger
from tallystick.wire.capability import Backend, Capability, Gpu
from tallystick.wire.requirements import parse_requirements, unmet

log = get_logger(__name__)

CGROUPS = Path("/sys/fs/cgroup")


class Installed(Protocol):
    """What is announced of whatever makes results: a prover, or the engine."""

    @property
    def backend(self) -> str: ...

    @property
    def version(self) -> str: ...


def read_capability(
    provers: Sequence[Installed],
    home: Path,
    *,
    region: str = "",
    min_milestone_price: int = 0,
    payment_tokens: Collection[Address] = (),
    max_jobs: int | None = None,
) -> Capability:
    """The machine, and what its operator says of it.

    Args:
        home: On the disk that counts.
        min_milestone_price: In the payment tokens' smallest unit.
        max_jobs: Held at once.
    """
    gpus, driver = read_gpus()
    return Capability(
        gpus=gpus,
        driver=driver,
        cpu_cores=read_cores(),
        memory_bytes=read_memory(),
        disk_bytes=free_disk(home),
        region=region,
        os=platform.system().lower(),
        provers=tuple(Backend(name=prover.backend, version=prover.version) for prover in provers),
        min_milestone_price=min_milestone_price,
        payment_tokens=tuple(sorted(payment_tokens)),
        max_jobs=max_jobs,
    )


def unmet_requirements(text: str, capability: Capability) -> tuple[str, ...]:
    """What of the requirements this machine does not meet, as sentences. Raises RequirementError."""
    return tuple(str(one) for one in unmet(parse_requirements(text), capability))


# ---- GPUs -----------------------------------------------------------------------------------------------------------


def read_gpus(nvml: Any = pynvml) -> tuple[tuple[Gpu, ...], str | None]:
    """NVIDIA's GPUs and their driver's version; none where there is no driver.

    Args:
        nvml: The module `pynvml`.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        log.debug("gpus_unseen", trouble=str(error))
        return (), None
    try:
        count = nvml.nvmlDeviceGetCount()
        gpus = tuple(gpu for index in range(count) if (gpu := _gpu(nvml, index)) is not None)
        return gpus, _driver(_text(nvml.nvmlSystemGetDriverVersion()))
    except nvml.NVMLError as error:
        log.warning("gpus_unreadable", trouble=str(error))
        return (), None
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, index: int) -> Gpu | None:
    """One GPU; None for one that has fallen off the bus or does not say what it is."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
        return Gpu(
            model=_text(nvml.nvmlDeviceGetName(handle))[:100],
            vram_bytes=int(nvml.nvmlDeviceGetMemoryInfo(handle).total),
            compute_capability=f"{major}.{minor}",
        )
    except nvml.NVMLError as error:
        log.warning("gpu_unreadable", index=index, trouble=str(error))
        return None


def _text(said: str | bytes) -> str:
    """Older versions of the library answer in bytes."""
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _driver(version: str) -> str | None:
    found = re.match(r"[0-9][0-9A-Za-z.+-]{0,39}", version)
    return found[0] if found else None


# ---- the rest of the machine ----------------------------------------------------------------------------------------


def read_cores(cgroups: Path = CGROUPS) -> int:
    """Cores that this process may use: fewer than the machine's in most containers."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _words(cgroups / "cpu.max")
    if len(quota) == 2 and quota[0].isdigit():
        allowed = min(allowed, int(quota[0]) // int(quota[1]))
    return max(1, allowed)


def read_memory(cgroups: Path = CGROUPS) -> int:
    """Main memory in bytes, or a container's limit where that is less."""
    total = int(psutil.virtual_memory().total)
    limits = [_words(cgroups / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min([total, *(int(limit[0]) for limit in limits if limit and limit[0].isdigit())])


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def free_disk(folder: Path) -> int:
    """Of the disk on which the folder is or would be made."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return int(psutil.disk_usage(str(place)).free)
