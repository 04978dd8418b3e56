"""Torch behind the seam, on the processor wherever torch is, on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.engine.conformance import conformance
from tallystick.engine.conformance.catalogue import CATALOGUE
from tallystick.errors import ModelError

torch = pytest.importorskip("torch", reason="torch is not installed; it is needed for GPUs only")

from tallystick.engine.backends.cuda_backend import CudaBackend  # noqa: E402  # not without torch

SOME = CATALOGUE[1::6]
"""Some cases of every family: the processor has its own kernels, and the GPU's are tested in full where there is one."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("products", ["integer", "floating"])
def test_conformance_given_torch_on_the_processor_passes(products: str) -> None:
    assert conformance(CudaBackend("cpu", products), catalogue=SOME).failures == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("products", ["integer", "floating"])
def test_conformance_given_a_gpu_passes(products: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")

    assert conformance(CudaBackend("cuda", products)).failures == ()  # type: ignore[arg-type]


def test_backend_given_no_gpu_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")

    with pytest.raises(ModelError, match="no CUDA device"):
        CudaBackend("cuda")
