"""Looks at real claims of a real program: right, wrong in every way, and with anything missing, damaged or lied about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from challenger_samples import JUDGE, NOW, TRACE, Bench, quietly, with_ref

from challenger.cases import Found
from challenger.checker import roots_of
from tallystick.dispute import search
from tallystick.dispute.faults import ElementFault, HeaderFault, OutputFault, PaddingFault, WeightsFault
from tallystick.dispute.packing import FaultKind
from tallystick.engine.encoding import encode_program
from tallystick.engine.fold import LEAF_BYTES
from tallystick.errors import ArtifactMissingError
from tallystick.ids import ZERO_ADDRESS, bytes32

PADDED = next(index for index, step in enumerate(TRACE.program.steps) if step.header.byte_size % LEAF_BYTES)


def test_look_given_an_honest_claim_agrees(bench: Bench) -> None:
    review = bench.checker().look(bench.subject(), quietly)
    assert (review.found, review.again_at) == (Found.AGREES, None)
    assert review.program_id == bytes32(bench.commitment.program_hash)


@pytest.mark.parametrize(
    ("fault", "kind", "step"),
    [
        (ElementFault(2), FaultKind.ELEMENT, 2),
        (ElementFault(5, carried=False), FaultKind.ELEMENT, 5),
        (WeightsFault(0), FaultKind.ELEMENT, 0),
        (OutputFault(), FaultKind.OUTPUT, TRACE.program.output),
        (HeaderFault(3), FaultKind.HEADER, 3),
        (PaddingFault(PADDED), FaultKind.PADDING, PADDED),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else str(value),
)
def test_look_given_a_wrong_claim_finds_where(bench: Bench, fault: object, kind: FaultKind, step: int) -> None:
    review = bench.checker().look(bench.subject(bench.false(fault)), quietly)  # type: ignore[arg-type]  # any fault
    assert (review.found, review.again_at) == (Found.FAULT, None)
    assert review.fault is not None
    assert (review.fault.kind, review.fault.step, review.fault.witness[0]) == (kind, step, kind)
    assert review.reason == review.fault.sentence
    assert 21_000 < review.fault.gas < 16_777_216


# ---- what a claimer hides or spoils -----------------------------------------------------------------------------------


def test_look_given_no_trace_is_withheld_and_to_be_looked_at_again(bench: Bench) -> None:
    review = bench.checker().look(bench.subject(bench.false(ElementFault(2)), withheld=True), quietly)
    assert (review.found, review.again_at) == (Found.WITHHELD, NOW + 30)
    assert review.reason == "The claim is wrong. The claim names no trace."


def test_look_given_no_trace_of_an_honest_claim_agrees_all_the_same(bench: Bench) -> None:
    assert bench.checker().look(bench.subject(withheld=True), quietly).found is Found.AGREES


def test_look_given_no_trace_and_a_wrong_output_alone_shows_it_from_its_own_run(bench: Bench) -> None:
    review = bench.checker().look(bench.subject(bench.false(OutputFault()), withheld=True), quietly)
    assert review.fault is not None
    assert review.fault.kind is FaultKind.OUTPUT


@pytest.mark.parametrize("way", ["lose", "damage"])
@pytest.mark.parametrize("piece", ["roots", "tensor"])
def test_look_given_a_piece_that_is_lost_or_damaged_is_withheld(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, way: str, piece: str
) -> None:
    monkeypatch.setattr(search, "MOST_WHOLE_GAS", 0)  # as if the tensor were too large to be shown whole
    false = bench.false(ElementFault(2))
    manifest = bench.published(false.published)
    subject = bench.subject(false, manifest)
    getattr(bench, way)(manifest.roots if piece == "roots" else manifest.tensors[2])
    assert bench.checker().look(subject, quietly).found is Found.WITHHELD


@pytest.mark.parametrize("way", ["lose", "damage"])
def test_look_given_a_small_tensor_that_is_lost_or_damaged_shows_it_whole(bench: Bench, way: str) -> None:
    false = bench.false(ElementFault(2))
    manifest = bench.published(false.published)
    subject = bench.subject(false, manifest)
    getattr(bench, way)(manifest.tensors[2])
    review = bench.checker().look(subject, quietly)
    assert review.fault is not None
    assert (review.fault.kind, review.fault.step) == (FaultKind.WHOLE, 2)
    assert "wherever it differs" in review.reason


def test_look_given_tensors_that_it_does_not_need_damaged_finds_the_fault(bench: Bench) -> None:
    false = bench.false(ElementFault(2))
    manifest = bench.published(false.published)
    subject = bench.subject(false, manifest)
    for index, ref in enumerate(dict.fromkeys(manifest.tensors)):
        if ref != manifest.tensors[2]:
            bench.damage(ref)
            assert index != 2
    assert bench.checker().look(subject, quietly).found is Found.FAULT


@pytest.mark.parametrize("lie", ["another trace", "too few tensors", "roots too short", "tensor too large"])
def test_look_given_a_lying_trace_manifest_is_withheld(bench: Bench, monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setattr(search, "MOST_WHOLE_GAS", 0)
    false = bench.false(ElementFault(2))
    manifest = bench.published(false.published)
    if lie == "another trace":
        manifest = bench.published(TRACE.tensors)  # type: ignore[arg-type]  # a whole trace
    elif lie == "too few tensors":
        manifest = manifest.model_copy(update={"tensors": manifest.tensors[:-1]})
    elif lie == "roots too short":
        manifest = manifest.model_copy(update={"roots": bench.put(bytes(31))})
    else:
        tensors = list(manifest.tensors)
        tensors[2] = bench.put(bytes(1 << 20))
        manifest = manifest.model_copy(update={"tensors": tuple(tensors)})
    assert bench.checker().look(bench.subject(false, manifest), quietly).found is Found.WITHHELD


def test_look_given_a_trace_that_is_no_manifest_is_withheld(bench: Bench) -> None:
    subject = bench.subject(bench.false(ElementFault(2)))
    result = bench.store.put(b"no result manifest")
    assert result
    lost = replace(subject, claim=replace(subject.claim, result_manifest=bytes32(b"\7" * 32)))
    assert bench.checker().look(lost, quietly).found is Found.WITHHELD


# ---- what a creator hides or spoils -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["lose", "damage"])
@pytest.mark.parametrize("piece", ["program", "input"])
def test_look_given_a_creators_piece_that_is_lost_or_damaged_cannot_judge(bench: Bench, way: str, piece: str) -> None:
    subject = bench.subject(bench.false(ElementFault(2)))
    getattr(bench, way)(bench.program_ref if piece == "program" else bench.input_ref)
    review = bench.checker().look(subject, quietly)
    assert (review.found, review.again_at) == (Found.UNJUDGEABLE, NOW + 30)
    assert review.reason.startswith("The creator's part cannot be had or used: ")


def test_look_given_another_input_than_the_job_was_funded_for_cannot_judge(bench: Bench) -> None:
    subject = with_ref(bench.subject(), input_root=bytes32(bytes(32)))
    review = bench.checker().look(subject, quietly)
    assert review.found is Found.UNJUDGEABLE
    assert "the job was funded for" in review.reason


def test_look_given_another_judge_cannot_judge(bench: Bench) -> None:
    subject = replace(bench.subject(), spec=bench.spec(adapter=ZERO_ADDRESS))
    review = bench.checker().look(subject, quietly)
    assert review.found is Found.UNJUDGEABLE
    assert f"not by {JUDGE}" in review.reason


def test_look_given_a_program_of_another_hash_cannot_judge(bench: Bench) -> None:
    spec = bench.spec()
    subject = replace(bench.subject(), spec=spec.model_copy(update={"program_id": bytes32(b"\1" * 32)}))
    review = bench.checker().look(subject, quietly)
    assert review.found is Found.UNJUDGEABLE
    assert "its registration about" in review.reason


# ---- bounds -----------------------------------------------------------------------------------------------------------


def test_look_given_a_run_that_holds_too_much_cannot_judge(bench: Bench) -> None:
    review = bench.checker(max_trace_bytes=1000).look(bench.subject(), quietly)
    assert review.found is Found.UNJUDGEABLE
    assert "1000 B is the bound" in review.reason


def test_look_given_no_time_cannot_judge_and_does_not_try_again(bench: Bench) -> None:
    review = bench.checker(look_seconds=0.0).look(bench.subject(), quietly)
    assert (review.found, review.again_at) == (Found.UNJUDGEABLE, None)
    assert "Recomputing it takes longer than 0 s: step 0 of" in review.reason


def test_look_given_a_claim_says_how_far_it_is(bench: Bench) -> None:
    heard: list[tuple[str, int, int]] = []
    bench.checker().look(bench.subject(), lambda *said: heard.append(said))
    steps = len(bench.program.steps)
    assert [what for what, *_ in heard[:3]] == [
        "fetching the program",
        "fetching the input",
        "fetching the trace's roots",
    ]
    assert heard[3:] == [("recomputing", step, steps) for step in range(steps)]


# ---- the library ------------------------------------------------------------------------------------------------------


def test_program_given_one_that_was_fetched_before_needs_no_store(bench: Bench) -> None:
    spec = bench.spec()
    bench.library().program(spec)
    bench.lose(bench.program_ref)
    assert bench.library().program(spec).commitment == bench.commitment


def test_program_given_a_damaged_copy_fetches_it_again(bench: Bench) -> None:
    spec = bench.spec()
    bench.library().program(spec)
    [kept] = (bench.folder / "programs").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert bench.library().program(spec).commitment == bench.commitment
    assert kept.read_bytes() == encode_program(bench.program)


def test_program_given_a_file_over_the_bound_is_refused(bench: Bench) -> None:
    spec = bench.spec()
    with pytest.raises(Exception, match="is the bound"):
        bench.library(max_bytes=100).program(spec)


def test_program_given_a_full_cache_drops_what_was_not_read_for_longest(bench: Bench) -> None:
    other = bench.folder / "programs" / "old.program"
    other.parent.mkdir()
    other.write_bytes(b"old")
    bench.library(cache_bytes=1).program(bench.spec())
    assert [path.name for path in other.parent.iterdir()] == [f"{bench.spec().program_id}.program"]


def test_question_given_a_creators_input_that_is_gone_says_so(bench: Bench) -> None:
    subject = bench.subject(bench.false(ElementFault(2)), withheld=True)
    bench.lose(bench.input_ref)
    with pytest.raises(ArtifactMissingError):
        bench.checker().question(subject, [], quietly)


def test_roots_of_a_claim_are_its_bytes(bench: Bench) -> None:
    ref = bench.subject().ref
    assert roots_of(ref).trace_root.hex() == ref.trace_root[2:]
