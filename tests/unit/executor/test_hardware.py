from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from executor_builders import TOKEN

from executor.hardware import read_capability, read_cores, read_gpus, read_memory, unmet_requirements
from tallystick.errors import RequirementError
from tallystick.wire.capability import Backend, Gpu

GIB = 2**30


class NvmlError(Exception):
    pass


class Nvml:
    """The driver's library with these GPUs: name, VRAM, compute capability; an error in place of one is raised."""

    NVMLError = NvmlError

    def __init__(self, *gpus: Any, driver: str | bytes = "535.104.05", starts: bool = True) -> None:
        self.gpus = gpus
        self.driver = driver
        self.starts = starts
        self.is_open = False

    def nvmlInit(self) -> None:
        if not self.starts:
            raise NvmlError("NVML Shared Library Not Found")
        self.is_open = True

    def nvmlShutdown(self) -> None:
        self.is_open = False

    def nvmlSystemGetDriverVersion(self) -> str | bytes:
        return self.driver

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        if isinstance(self.gpus[index], NvmlError):
            raise self.gpus[index]
        return self.gpus[index]

    def nvmlDeviceGetName(self, gpu: Any) -> Any:
        return gpu[0]

    def nvmlDeviceGetMemoryInfo(self, gpu: Any) -> Any:
        return SimpleNamespace(total=gpu[1])

    def nvmlDeviceGetCudaComputeCapability(self, gpu: Any) -> Any:
        return gpu[2]


H100 = ("NVIDIA H100 80GB HBM3", 80 * GIB, (9, 0))
T4 = (b"Tesla T4", 16 * GIB, (7, 5))


def test_read_gpus_given_two_tells_both_and_their_driver() -> None:
    gpus = (
        Gpu(model="NVIDIA H100 80GB HBM3", vram_bytes=80 * GIB, compute_capability="9.0"),
        Gpu(model="Tesla T4", vram_bytes=16 * GIB, compute_capability="7.5"),
    )

    assert read_gpus(Nvml(H100, T4)) == (gpus, "535.104.05")


def test_read_gpus_given_no_driver_tells_none() -> None:
    assert read_gpus(Nvml(starts=False)) == ((), None)


def test_read_gpus_given_one_that_fell_off_the_bus_tells_the_others() -> None:
    gpus, _ = read_gpus(Nvml(NvmlError("GPU is lost"), T4))

    assert [gpu.model for gpu in gpus] == ["Tesla T4"]


def test_read_gpus_given_any_answer_closes_the_library() -> None:
    nvml = Nvml(NvmlError("GPU is lost"))
    read_gpus(nvml)

    assert not nvml.is_open


@pytest.mark.parametrize(("said", "told"), [(b"470.82", "470.82"), ("unknown", None)])
def test_read_gpus_given_a_driver_version_tells_it_only_where_it_is_one(said: Any, told: str | None) -> None:
    assert read_gpus(Nvml(T4, driver=said))[1] == told


def test_read_memory_given_a_containers_limit_tells_the_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1073741824\n")

    assert read_memory(tmp_path) == GIB


@pytest.mark.parametrize("limit", ["max\n", str(2**62)])
def test_read_memory_given_no_effective_limit_tells_the_machines(tmp_path: Path, limit: str) -> None:
    (tmp_path / "memory.max").write_text(limit)

    assert read_memory(tmp_path) == read_memory(tmp_path / "nothing here")


@pytest.mark.parametrize(("quota", "cores"), [("100000 100000", 1), ("50000 100000", 1)])
def test_read_cores_given_a_containers_quota_tells_whole_cores_and_at_least_one(
    tmp_path: Path, quota: str, cores: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota)

    assert read_cores(tmp_path) == cores


def test_read_capability_given_this_machine_tells_what_it_has(tmp_path: Path) -> None:
    prover = SimpleNamespace(backend="ezkl", version="23.0.5")
    engine = SimpleNamespace(backend="engine-numpy", version="1")
    found = read_capability(
        [prover, engine],
        tmp_path / "not" / "there" / "yet",
        region="eu-west",
        min_milestone_price=7,
        payment_tokens=[TOKEN],
    )

    assert found.provers == (Backend(name="ezkl", version="23.0.5"), Backend(name="engine-numpy", version="1"))
    assert (found.region, found.min_milestone_price, found.payment_tokens) == ("eu-west", 7, (TOKEN,))
    assert min(found.cpu_cores, found.memory_bytes, found.disk_bytes) > 0


def test_unmet_requirements_given_a_machine_without_gpu_says_what_is_missing(tmp_path: Path) -> None:
    found = read_capability([SimpleNamespace(backend="ezkl", version="23.0.5")], tmp_path)
    without = found.model_copy(update={"gpus": ()})

    assert unmet_requirements("ezkl>=23 gpu>=1", without) == ("gpu>=1 is required, found no GPUs",)


def test_unmet_requirements_given_a_text_that_does_not_parse_raises(tmp_path: Path) -> None:
    with pytest.raises(RequirementError):
        unmet_requirements("gpu>>1", read_capability([SimpleNamespace(backend="ezkl", version="1")], tmp_path))
