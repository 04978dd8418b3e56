import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire.capability import Backend, Capability, Gpu
from tallystick.wire.requirements import parse_requirements, unmet

GIB = 2**30


def gpu(model: str = "NVIDIA A100-SXM4-80GB", vram_gib: int = 80, cc: str = "8.0") -> Gpu:
    return Gpu(model=model, vram_bytes=vram_gib * GIB, compute_capability=cc)


def machine(**different: Any) -> Capability:
    return Capability(
        **{
            "gpus": (gpu(), gpu()),
            "driver": "535.104.05",
            "cpu_cores": 16,
            "memory_bytes": 64 * GIB,
            "disk_bytes": 500 * GIB,
            "region": "eu-west",
            "os": "linux",
            "provers": (Backend(name="ezkl", version="23.0.5"),),
            **different,
        }
    )


def lacks(text: str, capability: Capability | None = None) -> list[tuple[str, str, str]]:
    """Wanted, found and nearest change of each unmet requirement."""
    found = unmet(parse_requirements(text), capability or machine())
    return [(one.wanted, one.found, one.nearest_change) for one in found]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu>=1 vram>=16GiB cc>=8.0 ezkl>=23 region=eu|us",
        "gpu=2",
        "gpu=1|2",
        "gpu>1 gpu<3",
        "gpu.model=A100",
        "gpu.model=h100|a100*",
        "gpu.model=nvidia*80gb",
        "gpu.model!=H100",
        "vram=80GiB",
        "vram<=80GiB cc<9",
        "cc=8",
        "cc=8.0",
        "cc!=7.5|8.6",
        "driver>=535",
        "driver>=535.104 driver<536",
        "driver=535",
        "cpu>=16 cpu<=16",
        "mem>=64GiB disk>100GB",
        "region=eu",
        "region=eu-west",
        "region!=us",
        "os=linux os!=windows",
        "ezkl=23",
        "ezkl>22 ezkl<=23",
        "ezkl>=23.0.5",
    ],
)
def test_unmet_given_what_the_machine_has_is_empty(text: str) -> None:
    assert lacks(text) == []


@pytest.mark.parametrize(
    ("text", "found", "change"),
    [
        ("gpu>=3", "2 GPUs", "Loosen gpu>=3 to gpu>=2."),
        ("gpu>2", "2 GPUs", "Loosen gpu>2 to gpu>=2."),
        ("gpu<=1", "2 GPUs", "Loosen gpu<=1 to gpu<=2."),
        ("gpu=0", "2 GPUs", "Loosen gpu=0 to gpu=0|2."),
        ("gpu=1|4", "2 GPUs", "Loosen gpu=1|4 to gpu=1|4|2."),
        ("vram>=81GiB", "80 GiB (0 of 2 meet it)", "Loosen vram>=81GiB to vram>=80GiB."),
        ("cc>=9.0", "8.0 (0 of 2 meet it)", "Loosen cc>=9.0 to cc>=8.0."),
        ("cc>8", "8.0 (0 of 2 meet it)", "Loosen cc>8 to cc>=8."),
        (
            "gpu.model=H100",
            "NVIDIA A100-SXM4-80GB (0 of 2 meet it)",
            "Loosen gpu.model=h100 to gpu.model=h100|nvidia-a100-sxm4-80gb.",
        ),
        (
            "gpu.model=A10",
            "NVIDIA A100-SXM4-80GB (0 of 2 meet it)",
            "Loosen gpu.model=a10 to gpu.model=a10|nvidia-a100-sxm4-80gb.",
        ),
        ("gpu.model!=A100*", "NVIDIA A100-SXM4-80GB (0 of 2 meet it)", "Drop gpu.model!=a100*."),
        ("driver>=536", "535.104.5", "Loosen driver>=536 to driver>=535."),
        ("driver>=535.105", "535.104.5", "Loosen driver>=535.105 to driver>=535.104."),
        ("cpu>=32", "16", "Loosen cpu>=32 to cpu>=16."),
        ("cpu<8", "16", "Loosen cpu<8 to cpu<=16."),
        ("mem>=128GiB", "64 GiB", "Loosen mem>=128GiB to mem>=64GiB."),
        ("region=us|ap", "eu-west", "Loosen region=us|ap to region=us|ap|eu-west."),
        ("region=eu-west-1", "eu-west", "Loosen region=eu-west-1 to region=eu-west-1|eu-west."),
        ("region!=eu", "eu-west", "Drop region!=eu."),
        ("region!=us|eu", "eu-west", "Loosen region!=us|eu to region!=us."),
        ("os=windows", "linux", "Loosen os=windows to os=windows|linux."),
        ("ezkl>=24", "23.0.5", "Loosen ezkl>=24 to ezkl>=23."),
        ("ezkl>23", "23.0.5", "Loosen ezkl>23 to ezkl>=23."),
        ("ezkl=23.0.4", "23.0.5", "Loosen ezkl=23.0.4 to ezkl=23.0.4|23.0.5."),
    ],
)
def test_unmet_given_one_that_is_not_met_says_what_was_found_and_what_would_do(
    text: str, found: str, change: str
) -> None:
    assert lacks(text) == [(str(parse_requirements(text)), found, change)]


@pytest.mark.parametrize(
    ("text", "different", "found"),
    [
        ("gpu>=1", {"gpus": ()}, "no GPUs"),
        ("vram>=1GiB", {"gpus": ()}, "no GPU"),
        ("gpu.model!=H100", {"gpus": ()}, "no GPU"),
        ("driver>=1", {"driver": None}, "none"),
        ("region=eu", {"region": ""}, "none"),
        ("region!=eu", {"region": ""}, "none"),
        ("os=linux", {"os": ""}, "none"),
        ("ezkl>=1", {"provers": ()}, "none"),
        ("ezkl!=1", {"provers": (Backend(name="other", version="2"),)}, "none"),
    ],
)
def test_unmet_given_a_machine_that_has_or_says_nothing_suggests_to_drop_it(
    text: str, different: dict[str, Any], found: str
) -> None:
    assert lacks(text, machine(**different)) == [
        (str(parse_requirements(text)), found, f"Drop {parse_requirements(text)}.")
    ]


def test_unmet_given_no_gpus_and_none_wanted_is_empty() -> None:
    assert lacks("gpu=0", machine(gpus=())) == []


def test_unmet_given_no_gpus_and_a_number_that_may_be_zero_still_wants_the_vram() -> None:
    assert lacks("gpu<=4 vram>=8GiB", machine(gpus=())) == [("vram>=8GiB", "no GPU", "Drop vram>=8GiB.")]


def test_unmet_given_clauses_that_contradict_each_other_names_one() -> None:
    assert lacks("gpu=0 vram>=8GiB", machine(gpus=())) == [("vram>=8GiB", "no GPU", "Drop vram>=8GiB.")]


def test_unmet_given_too_few_large_gpus_suggests_what_enough_of_them_have() -> None:
    capability = machine(gpus=(gpu(vram_gib=24), gpu(vram_gib=8), gpu(vram_gib=12)))

    assert lacks("gpu>=2 vram>=16GiB", capability) == [
        ("vram>=16GiB", "24 GiB, 8 GiB, 12 GiB (1 of 3 meet it)", "Loosen vram>=16GiB to vram>=12GiB.")
    ]


def test_unmet_given_gpus_that_meet_each_but_not_all_says_that_none_has_all() -> None:
    capability = machine(gpus=(gpu(vram_gib=80, cc="7.0"), gpu(vram_gib=15, cc="9.0")))

    assert lacks("vram>=16GiB cc>=8.0", capability) == [
        ("vram>=16GiB cc>=8.0", "no GPU with all of these", "Loosen vram>=16GiB to vram>=15GiB.")
    ]


def test_unmet_given_two_provers_of_which_none_is_in_the_range_says_so() -> None:
    capability = machine(provers=(Backend(name="ezkl", version="20.0"), Backend(name="ezkl", version="25.1")))

    assert lacks("ezkl>=22 ezkl<24", capability) == [
        ("ezkl>=22 ezkl<24", "no prover with all of these", "Loosen ezkl<24 to ezkl<=25.")
    ]


def test_unmet_given_many_kinds_of_gpus_lists_a_few() -> None:
    capability = machine(gpus=tuple(gpu(vram_gib=gib) for gib in range(1, 11)))

    assert lacks("vram>=16GiB", capability)[0][1] == "1 GiB, 2 GiB, 3 GiB, 4 GiB, ... (0 of 10 meet it)"


def test_unmet_given_a_version_with_a_suffix_counts_its_numbers() -> None:
    assert lacks("ezkl>=23.0.5", machine(provers=(Backend(name="ezkl", version="23.0.5rc1"),))) == []


def test_unmet_given_two_machines_gives_the_nearer_one_the_smaller_gap() -> None:
    requirements = parse_requirements("mem>=128GiB")

    (near,), (far,) = (unmet(requirements, machine(memory_bytes=size * GIB)) for size in (100, 10))

    assert 0 < near.gap < far.gap < 1


def test_str_given_an_unmet_requirement_is_a_sentence_for_people() -> None:
    (one,) = unmet(parse_requirements("mem>=128GiB"), machine())

    assert str(one) == "mem>=128GiB is required, found 64 GiB"


@pytest.mark.parametrize(
    ("pattern", "model", "matches"),
    [
        ("H100", "NVIDIA H100 80GB HBM3", True),
        ("H100", "NVIDIA GH100", False),
        ("A100", "NVIDIA A100-SXM4-80GB", True),
        ("A10", "NVIDIA A100-SXM4-80GB", False),
        ("A10*", "NVIDIA A100-SXM4-80GB", True),
        ("RTX-4090", "NVIDIA GeForce RTX 4090", True),
        ("rtx_4090", "NVIDIA GeForce RTX 4090", True),
        ("4090-rtx", "NVIDIA GeForce RTX 4090", False),
        ("nvidia*h100*80gb", "NVIDIA H100 80GB HBM3", True),
        ("nvidia*80gb*h100", "NVIDIA H100 80GB HBM3", False),
        ("*", "anything", True),
        ("T4", "Tesla T4", True),
        ("(r)", "Intel (R) Arc", True),
    ],
)
def test_unmet_given_a_pattern_matches_whole_words_of_the_model(pattern: str, model: str, matches: bool) -> None:
    assert (lacks(f"gpu.model={pattern}", machine(gpus=(gpu(model=model),))) == []) is matches


CLAUSES = st.sampled_from(
    [
        *(f"gpu{op}{n}" for op in (">=", "<=", ">", "<", "=", "!=") for n in range(4)),
        *(f"vram{op}{n}GiB" for op in (">=", "<", "=", "!=") for n in (8, 16, 24)),
        *(f"cc{op}{v}" for op in (">=", "<", "=") for v in ("7", "8.0", "8.6")),
        *("gpu.model=A100", "gpu.model!=A100|H100", "ezkl>=23", "ezkl<23", "ezkl=22|24", "cpu>=8", "region=eu|us"),
    ]
)
GPUS = st.builds(
    gpu,
    model=st.sampled_from(["A100", "H100", "T4"]),
    vram_gib=st.sampled_from([8, 16, 24]),
    cc=st.sampled_from(["7.5", "8.0", "8.6"]),
)
MACHINES = st.builds(
    machine,
    gpus=st.lists(GPUS, max_size=4).map(tuple),
    cpu_cores=st.sampled_from([4, 8]),
    region=st.sampled_from(["", "eu-west", "ap"]),
    provers=st.lists(
        st.sampled_from(["22.1", "23.0.5", "24"]).map(lambda v: Backend(name="ezkl", version=v)), max_size=2
    ).map(tuple),
)


def counts_as_met(text: str, capability: Capability) -> bool:
    """What the language promises, told again from the definitions: some set of machine parts meets every clause."""

    def alone(clauses: list[str], **parts: Any) -> bool:
        return all(not unmet(parse_requirements(clause), machine(**parts)) for clause in clauses)

    clauses = text.split()
    counting = [clause for clause in clauses if re.match("gpu[<>=!]", clause)]
    filtering = [clause for clause in clauses if clause.startswith(("vram", "cc", "gpu.model"))]
    proving = [clause for clause in clauses if clause.startswith("ezkl")]
    rest = [clause for clause in clauses if clause not in (*counting, *filtering, *proving)]
    fitting = tuple(one for one in capability.gpus if alone(filtering, gpus=(one,)))
    return (
        alone(counting, gpus=fitting)
        and (not filtering or bool(fitting))
        and (not proving or any(alone(proving, provers=(one,)) for one in capability.provers))
        and alone(rest, cpu_cores=capability.cpu_cores, region=capability.region)
    )


@given(st.lists(CLAUSES, max_size=5).map(" ".join), MACHINES)
def test_unmet_given_any_requirements_is_empty_exactly_where_all_hold(text: str, capability: Capability) -> None:
    assert (lacks(text, capability) == []) is counts_as_met(text, capability)


@given(CLAUSES, MACHINES)
def test_nearest_change_given_any_single_clause_makes_the_machine_meet_it(text: str, capability: Capability) -> None:
    for _, _, change in lacks(text, capability):
        loosened = re.fullmatch(r"Loosen (\S+) to (\S+)\.", change)
        assert lacks(loosened[2] if loosened else "", capability) == []


@given(st.text(min_size=1, max_size=100))
def test_nearest_change_given_any_name_of_a_model_makes_the_machine_meet_it(model: str) -> None:
    capability = machine(gpus=(gpu(model=model),))

    for _, _, change in lacks("gpu.model=no-such-model", capability):
        assert lacks(change.removesuffix(".").split(" to ")[1], capability) == []


@given(st.lists(CLAUSES, max_size=3).map(" ".join), MACHINES)
def test_gap_given_any_requirements_is_between_nothing_and_one(text: str, capability: Capability) -> None:
    assert all(0 <= one.gap <= 1 for one in unmet(parse_requirements(text), capability))
