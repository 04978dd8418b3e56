"""Looking at claims before they are final: honest ones, and each way of being wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from broken_programs import place_of_opcode
from client_job_facts import created
from optimistic_world import PROGRAM, OptimisticWorld

from client_sdk._audit import AuditFinding, ClaimAudit, FindingKind
from client_sdk._job import AsyncJob
from client_sdk._models import Models
from tallystick.dispute.faults import (
    AnyFault,
    ElementFault,
    HeaderFault,
    OutputFault,
    PaddingFault,
    WeightsFault,
    corrupt,
)
from tallystick.dispute.packing import FaultKind
from tallystick.engine.opcodes import Opcode
from tallystick.errors import (
    ArtifactCorruptError,
    InputError,
    JobPendingError,
    JobUnknownError,
    StoreUnavailableError,
)
from tallystick.ids import JobId
from tallystick.storage.store import Store

SEED = bytes(range(32))
STEP = place_of_opcode(PROGRAM, Opcode.LOOKUP)
SIZES = tuple(step.header.size for step in PROGRAM.steps)


@pytest.fixture
def world(tmp_path: Path) -> OptimisticWorld:
    return OptimisticWorld(tmp_path)


async def job_with(world: OptimisticWorld, fault: AnyFault | None = None, **publishing: Any) -> AsyncJob:
    claim = None if fault is None else corrupt(world.traces[0], fault)
    return await world.job(*world.assigned(), *world.claimed(claim=claim, **publishing))


async def findings(job: AsyncJob, *, full: bool, n: int = 300) -> tuple[AuditFinding, ...]:
    [audit] = await job.audit(n, SEED, full=full)
    return audit.findings


@pytest.mark.parametrize("full", [False, True])
async def test_audit_given_an_honest_claim_finds_nothing(world: OptimisticWorld, full: bool) -> None:
    [audit] = await (await job_with(world)).audit(300, SEED, full=full)

    assert audit.is_clean
    assert (audit.milestone, audit.is_full, audit.population) == (0, full, sum(SIZES))
    assert audit.drawn == (sum(SIZES) if full else 300)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind", "step"),
    [
        (OutputFault(), "output", PROGRAM.output),
        (HeaderFault(STEP), "header", STEP),
        (PaddingFault(STEP), "padding", STEP),
        (WeightsFault(0), "element", 0),
    ],
)
async def test_audit_given_a_wrong_claim_says_what_is_wrong_and_where(
    world: OptimisticWorld, fault: AnyFault, kind: str, step: int, full: bool
) -> None:
    found = await findings(await job_with(world, fault), full=full)

    assert (kind, step) in {(one.kind, one.step) for one in found}


async def test_audit_given_one_wrong_element_is_likely_to_miss_it_and_a_full_one_does_not(
    world: OptimisticWorld,
) -> None:
    job = await job_with(world, ElementFault(STEP, element=7, by=1))

    assert await findings(job, full=False, n=5) == ()
    [fault] = await findings(job, full=True)
    assert (fault.kind, fault.step, fault.element) == ("element", STEP, 7)
    assert fault.claimed != fault.computed


async def test_audit_given_a_wrong_element_that_is_drawn_tells_what_it_should_be(world: OptimisticWorld) -> None:
    job = await job_with(world, WeightsFault(0))

    drawn = [one for one in await findings(job, full=False) if one.kind == "element"]

    right = world.traces[0].tensors[0]
    assert right is not None
    assert drawn
    for one in drawn:
        assert (one.step, one.computed) == (0, int(right.reshape(-1)[one.element or 0]))


async def test_audit_given_a_tensor_that_nobody_finds_says_which(world: OptimisticWorld) -> None:
    found = await findings(await job_with(world, withheld=(STEP,)), full=False)

    assert {(one.kind, one.step) for one in found} == {("withheld", STEP)}


async def test_audit_given_no_trace_calls_the_claim_withheld_and_a_full_one_computes_it(world: OptimisticWorld) -> None:
    job = await job_with(world, names_trace=False)

    [found] = await findings(job, full=False)
    assert (found.kind, found.step) == ("withheld", None)
    assert await findings(job, full=True) == ()


async def test_audit_given_no_trace_of_a_wrong_claim_calls_it_withheld_after_computing(world: OptimisticWorld) -> None:
    [found] = await findings(await job_with(world, WeightsFault(0), names_trace=False), full=True)

    assert found.kind == "withheld"


@pytest.mark.parametrize("full", [False, True])
async def test_audit_given_a_store_that_is_away_does_not_blame_the_claimer(world: OptimisticWorld, full: bool) -> None:
    job = await job_with(world, WeightsFault(0))
    await Models(world.connection, lambda: None).program(world.program_model)  # type: ignore[arg-type,return-value]

    class Away:
        """Answers for what everybody has, and for no step's tensor."""

        def __init__(self, store: Store) -> None:
            self._store = store
            self.left = 7  # manifests, program, inputs, trace, roots

        def get(self, cid: str, *, max_bytes: int) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise StoreUnavailableError("The store does not answer.")
            return self._store.get(cid, max_bytes=max_bytes)

    away = world.reconnected(store=Away(world.store))
    away_job = AsyncJob(away, Models(away, lambda: None), job._history, keep=lambda task: None)  # type: ignore[arg-type,return-value]

    with pytest.raises(StoreUnavailableError):
        await findings(away_job, full=full)


async def test_audit_given_several_claims_looks_at_each_or_at_the_one_that_is_named(world: OptimisticWorld) -> None:
    job = await world.job(
        *world.assigned(),
        *world.claimed(4, 0),
        *world.claimed(5, 1, corrupt(world.traces[1], OutputFault())),
    )

    assert [(one.milestone, one.is_clean) for one in await job.audit(20)] == [(0, True), (1, False)]
    assert [one.milestone for one in await job.audit(20, milestone=1)] == [1]


async def test_audit_given_no_claim_looks_at_nothing(world: OptimisticWorld) -> None:
    assert await (await world.job(*world.assigned())).audit(20) == []


async def test_audit_given_a_milestone_without_a_claim_says_so(world: OptimisticWorld) -> None:
    with pytest.raises(JobPendingError, match=r"Milestone 1 .* nobody has claimed it yet"):
        await (await job_with(world)).audit(20, milestone=1)


async def test_audit_given_a_job_whose_claims_are_proven_says_that_there_is_nothing_to_audit(
    world: OptimisticWorld,
) -> None:
    world.happen(created())
    history = await world.follower.watch(created().job_id)
    job = AsyncJob(world.connection, Models(world.connection, lambda: None), history, keep=lambda task: None)  # type: ignore[arg-type,return-value]

    with pytest.raises(InputError, match="claims that are proven"):
        await job.audit(20)


async def test_audit_given_no_elements_is_refused(world: OptimisticWorld) -> None:
    with pytest.raises(InputError, match="at least one element"):
        await (await job_with(world)).audit(0)


async def test_audit_given_inputs_of_another_job_says_so(world: OptimisticWorld) -> None:
    world.roots.reverse()
    job = await job_with(world)

    with pytest.raises(ArtifactCorruptError, match="The inputs of milestone 0 have the root"):
        await job.audit(20)


async def test_audit_given_an_endpoint_that_leaves_out_logs_says_so(world: OptimisticWorld) -> None:
    _, claimed = world.claimed()
    job = await world.job(*world.assigned(), claimed)

    with pytest.raises(JobUnknownError, match="do not state the roots of the claim of milestone 0"):
        await job.audit(20)


async def test_audit_given_its_own_seed_draws_the_same_again(world: OptimisticWorld) -> None:
    job = await job_with(world, WeightsFault(0))
    [first] = await job.audit(3)

    [again] = await job.audit(3, bytes.fromhex(first.seed[2:]))

    assert again == first
    assert first.seed != (await job.audit(3))[0].seed


# ---- what it says -----------------------------------------------------------------------------------------------------


def audit_of(
    drawn: int = 100, *, full: bool = False, wrong: int = 0, sizes: tuple[int, ...] = (900, 100)
) -> ClaimAudit:
    findings = tuple(AuditFinding("element", 0, f"Element {index} is wrong.", index, 1, 2) for index in range(wrong))
    return ClaimAudit(
        job_id=JobId("0x" + "11" * 32),
        milestone=0,
        operator="0x0000000000000000000000000000000000000001",  # type: ignore[arg-type]
        final_at=1_700_000_000,
        is_full=full,
        drawn=drawn,
        seed="",
        step_sizes=sizes,
        findings=findings,
    )


def test_confidence_is_the_share_of_audits_that_meet_a_wrong_element() -> None:
    rng = np.random.default_rng(0)
    met = np.mean((rng.random((20_000, 100)) < 0.02).any(axis=1))

    assert audit_of(100).confidence(0.02) == pytest.approx(float(met), abs=0.02)


def test_share_found_with_is_the_inverse_of_confidence() -> None:
    audit = audit_of(100)

    assert audit.confidence(audit.share_found_with(0.95)) == pytest.approx(0.95)


@pytest.mark.parametrize(("drawn", "share"), [(10, 0.5), (200, 1.0)])
def test_steps_found_with_counts_the_steps_that_would_be_met(drawn: int, share: float) -> None:
    assert audit_of(drawn).steps_found_with(0.95) == share


def test_confidence_of_a_full_audit_is_whole() -> None:
    audit = audit_of(full=True)

    assert (audit.confidence(1e-9), audit.share_found_with(0.95), audit.steps_found_with(0.95)) == (1.0, 0.001, 1.0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_confidence_given_no_share_refuses(share: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        audit_of().confidence(share)


@pytest.mark.parametrize("probability", [0.0, 1.0, float("nan")])
def test_share_found_with_given_no_probability_refuses(probability: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        audit_of().share_found_with(probability)


def test_advice_given_a_fault_is_the_exact_next_command() -> None:
    assert audit_of(wrong=1).advice().endswith(f"tallystick challenger check {'0x' + '11' * 32} --prove")
    assert audit_of().advice().endswith("--full")
    assert "tallystick job watch" in audit_of(full=True).advice()


def test_finding_kinds_are_those_of_the_judge_and_withheld() -> None:
    assert set(get_args(FindingKind)) == {*(kind.name.lower() for kind in FaultKind), "withheld"}
