import pytest
from pydantic import ValidationError

from tallystick.wire.capability import MAX_ENTRIES, Backend, Capability, Gpu

GPU = {"model": "NVIDIA H100 80GB HBM3", "vram_bytes": 80 * 2**30, "compute_capability": "9.0"}
PLAIN = {"cpu_cores": 2, "memory_bytes": 2**30, "disk_bytes": 2**40}


def test_capability_given_its_own_json_is_the_same() -> None:
    capability = Capability(
        **PLAIN, gpus=(Gpu(**GPU),), driver="535.104.05", provers=(Backend(name="ezkl", version="23.0.5"),)
    )

    assert Capability.model_validate_json(capability.model_dump_json()) == capability


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpu_cores": 0},
        {"memory_bytes": -1},
        {"disk_bytes": 2**63},
        {"region": "EU"},
        {"region": "eu west"},
        {"region": "a" * 41},
        {"os": "linux\n"},
        {"driver": ""},
        {"driver": "n/a"},
        {"driver": "\u0661"},
        {"min_milestone_price": -1},
        {"min_milestone_price": 2**128},
        {"payment_tokens": ["0x12"]},
        {"gpus": [GPU] * (MAX_ENTRIES + 1)},
        {"gpus": [{**GPU, "compute_capability": "9"}]},
        {"gpus": [{**GPU, "model": ""}]},
        {"gpus": [{**GPU, "model": "x" * 101}]},
        {"gpus": [{**GPU, "cores": 1}]},
        {"provers": [{"name": "EZKL", "version": "1"}]},
        {"provers": [{"name": "ezkl", "version": "v1"}]},
        {"speed": 1},
    ],
)
def test_capability_given_one_wrong_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Capability.model_validate({**PLAIN, **wrong})


def test_capability_given_an_assignment_is_frozen() -> None:
    capability = Capability(**PLAIN)

    with pytest.raises(ValidationError):
        capability.cpu_cores = 4  # type: ignore[misc]
