"""TraceDemands: asking for what a claimer did not publish, and showing it, level by level, with real programs and traces.

constructor
├── for a judge that was told of another → TraceDemands_Misdeployed
└── → the judge can be read
demand
├── all the way to a leaf: of every list; of two levels for the roots; of four levels → each level is shown, the last one has the leaf
├── of a claim that nobody made; of one that is paid; of one that is void → TraceDemands_NotStanding
├── of other roots than were claimed → TraceDemands_OtherClaim
├── of a model that names another judge → TraceDemands_OtherJudge
├── with another program → TraceDemands_Program
├── at a place where nobody asks: another list, no such tensor, another count, height or index, too deep → TraceDemands_BadDemand
├── of a node that the claim does not lead to; with a path that does not → TraceDemands_OtherNode
├── with evidence that is too short or too long → TraceDemands_Length
├── below a tensor whose header is none → TraceDemands_BadHeader; of another size → TraceDemands_BadDemand
├── a second time: open, or shown → TraceDemands_AlreadyAsked
└── → TraceDemanded, ClaimExtended; a second one of its level extends nothing
"""

from __future__ import annotations

from typing import Any

import pytest
from demand_stage import DEEP, ETHER, STEP, Asked, at_leaves, below, deep_trace, of_model, step_leaf
from dispute_stage import DisputeStage, Run, hexed
from refusals import plain, refusal, refusal_of_creation, refused
from stage import CHALLENGE_SECONDS, Stage, event, events, word

from tallystick.dispute.demand_packing import demand_words, read_demand
from tallystick.dispute.held import HeldTrace
from tallystick.dispute.levels import Target, levels
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.program import Ref, RefKind, to_bytes

LONG = Run(deep_trace(3, 2500))


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


@pytest.fixture
def asked(dispute: DisputeStage) -> Asked:
    return Asked.claimed(dispute)


# ---- constructor ------------------------------------------------------------------------------------------------------


def test_constructor_for_a_judge_that_was_told_of_another_reverts(dispute: DisputeStage) -> None:
    container = dispute.stage.project.TraceDemands
    found = refusal_of_creation(container, dispute.judge, sender=dispute.stage.stranger)
    assert found == refused("TraceDemands_Misdeployed", demands=dispute.demands)


def test_constructor_keeps_the_judge(dispute: DisputeStage) -> None:
    assert (dispute.demands.dispute(), dispute.judge.demands()) == (dispute.judge, dispute.demands)


# ---- all the way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(RefKind))
def test_demand_leads_to_a_leaf_of_every_list(asked: Asked, kind: RefKind) -> None:
    ref = Ref(kind, asked.known.lists[kind].count - 1)
    data = to_bytes(asked.run.trace.tensor(ref)).tobytes()
    leaf = leaf_count(len(data)) - 1
    done = asked.walk(Target(ref, leaf), asked.asked_and_shown)
    assert len(done) == levels(asked.known.lists[kind].count, len(data)) == 2
    assert asked.known.tensors[ref].leaves[leaf].rstrip(b"\0") == data[leaf * LEAF_BYTES :].rstrip(b"\0")


def test_demand_of_a_tensor_of_four_levels_leads_to_its_last_leaf(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    leaf = leaf_count(2**21 + 1) - 1
    done = asked.walk(step_leaf(1, leaf), asked.asked_and_shown)
    assert [event(tx, "TraceDemanded")["level"] for tx, _ in done] == [0, 1, 2, 3]
    assert asked.known.tensors[Ref(RefKind.STEP, 1)].leaves[leaf][0] == to_bytes(DEEP.trace.tensors[1])[-1]


def test_demand_in_a_list_of_two_levels_leads_to_every_root(dispute: DisputeStage) -> None:
    asked = of_model(dispute, LONG)
    done = asked.walk(step_leaf(2400), asked.asked_and_shown)
    assert [event(tx, "TraceDemanded")["level"] for tx, _ in done] == [0, 1, 2]


# ---- demand: refused --------------------------------------------------------------------------------------------------


def not_made(dispute: DisputeStage) -> Asked:
    run = dispute.honest
    return Asked(dispute, dispute.assigned(run), run, HeldTrace(run.trace))


def paid(dispute: DisputeStage) -> Asked:
    asked = Asked.claimed(dispute)
    dispute.stage.finalize(asked.terms)
    return asked


def void(dispute: DisputeStage) -> Asked:
    asked = Asked.claimed(dispute, dispute.wrong(0, 3))
    dispute.prove(asked.terms, asked.run.ref(), asked.run.packed(0, 3))
    return asked


NOT_STANDING = {"not made": not_made, "paid": paid, "void": void}


@pytest.mark.parametrize("case", NOT_STANDING)
def test_demand_of_a_claim_that_does_not_stand_reverts(dispute: DisputeStage, case: str) -> None:
    asked = NOT_STANDING[case](dispute)
    assert asked.refusal_to_ask(asked.next(step_leaf(0))) == refused(
        "TraceDemands_NotStanding", jobId=asked.job_id, milestone=0
    )
    assert asked.key == "0x" + "00" * 32


@pytest.mark.parametrize("field", ["inputRoot", "outputRoot", "traceRoot"])
def test_demand_of_other_roots_than_were_claimed_reverts(asked: Asked, field: str) -> None:
    demand = asked.next(step_leaf(0))
    arguments = list(asked.arguments(demand))
    arguments[1] = asked.run.ref(**{field: word("another")})
    found = refusal(asked.contract.demand, *arguments, sender=asked.stage.finder, value=ETHER)
    standing = plain(asked.stage.settlement.claimOf(asked.job_id, 0)[0])
    assert (found.name, found.arguments["expected"]) == ("TraceDemands_OtherClaim", standing)


def test_demand_of_a_model_that_names_another_judge_reverts(dispute: DisputeStage) -> None:
    model = dispute.register("judged by another", judge=dispute.stage.judge)
    asked = Asked.claimed(dispute, modelId=model)
    found = asked.refusal_to_ask(asked.next(step_leaf(0)))
    assert found == refused("TraceDemands_OtherJudge", judge=dispute.stage.judge)


def test_demand_with_another_program_reverts(dispute: DisputeStage) -> None:
    model = dispute.register("another", program_hash=bytes(31) + b"\1")
    asked = Asked.claimed(dispute, modelId=model)
    assert asked.refusal_to_ask(asked.next(step_leaf(0))) == refused(
        "TraceDemands_Program",
        expected="0x" + "00" * 31 + "01",
        actual=hexed(dispute.honest.opener.program_hash),
    )


LIST_PLACES: dict[str, dict[str, Any]] = {
    "a list that there is not": {"list": 3},
    "another list": {"list": 1},
    "a tensor of the list": {"tensor": 1},
    "another count": {"count": 7},
    "no count": {"count": 0},
    "a height between": {"height": 1},
    "a height above the root": {"height": 10},
    "an index behind the last": {"index": 1},
}


def test_demand_of_a_list_where_nobody_asks_reverts(asked: Asked) -> None:
    demand = asked.next(step_leaf(0))
    found = {case: asked.refusal_to_ask(demand, words=changed(demand, place)) for case, place in LIST_PLACES.items()}
    assert found == dict.fromkeys(LIST_PLACES, refused("TraceDemands_BadDemand"))


def test_demand_of_the_list_of_a_list_of_one_reverts(dispute: DisputeStage) -> None:
    asked = of_model(dispute, LONG)
    root = asked.next(Target(Ref(RefKind.INPUT, 0), 0))
    assert root.is_root
    found = asked.refusal_to_ask(root, words=(0, True, 0, 1, 0, 0, root.node))
    assert found == refused("TraceDemands_BadDemand")


TENSOR_PLACES: dict[str, dict[str, Any]] = {
    "a tensor behind the last": {"tensor": 2},
    "no count": {"count": 0},
    "the tree's root": {"height": 14},
    "a height between": {"height": 6},
    "a height between the others": {"height": 1},
    "an index behind the last": {"index": 1 << 7},
    "a count beyond the header's": {"count": 1 << 13 | 2},
    "a count of another depth": {"count": 1 << 13, "height": 6},
}


def test_demand_of_a_tensor_where_nobody_asks_reverts(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    demand = below(asked)
    assert demand.height == 7
    found = {case: asked.refusal_to_ask(demand, words=changed(demand, place)) for case, place in TENSOR_PLACES.items()}
    assert found == dict.fromkeys(TENSOR_PLACES, refused("TraceDemands_BadDemand"))


def test_demand_deeper_than_the_clock_allows_reverts(dispute: DisputeStage) -> None:
    """A claimer's header may say any size: 2^22 leaves are 22 levels, of which the fourth step down would be a fifth level."""
    asked = of_model(dispute, DEEP)
    demand = below(asked)
    large = b"\1\1" + (2**30).to_bytes(4, "big") + (2**30).to_bytes(8, "big")
    evidence = with_header(asked, demand, large)
    found = [
        asked.refusal_to_ask(
            demand, words=changed(demand, {"count": 1 << 22, "height": height}), evidence=evidence
        ).name
        for height in (15, 8, 1)
    ]
    # Of the others the evidence is looked at; it is of another tree.
    assert found == ["TraceDemands_OtherNode", "TraceDemands_Length", "TraceDemands_BadDemand"]


def changed(demand: Any, fields: dict[str, Any]) -> tuple[Any, ...]:
    names = ("list", "ofList", "tensor", "count", "height", "index", "node")
    return tuple({**dict(zip(names, demand_words(demand), strict=True)), **fields}.values())


@pytest.mark.parametrize("make", [lambda asked: asked.next(step_leaf(0)), at_leaves, below])
def test_demand_of_another_node_reverts(dispute: DisputeStage, make: Any) -> None:
    asked = of_model(dispute, DEEP)
    demand = make(asked)
    found = asked.refusal_to_ask(demand, words=changed(demand, {"node": word("another")}))
    assert found == refused("TraceDemands_OtherNode")


def test_demand_with_evidence_that_does_not_lead_there_reverts(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    demand = below(asked)
    evidence = asked.evidence(demand)
    for place in (1, 32, 33, 32 * 8):  # eight siblings: seven in the tensor's tree, one in the trace's
        wrong = bytearray(evidence)
        wrong[-place] ^= 1
        assert asked.refusal_to_ask(demand, evidence=bytes(wrong)) == refused("TraceDemands_OtherNode")
    for given in (evidence[:-32], evidence[:-1], evidence + b"\0", evidence + bytes(32)):
        found = asked.refusal_to_ask(demand, evidence=given)
        assert found == refused("TraceDemands_Length", expected=len(evidence), actual=len(given))


def test_demand_below_a_header_that_is_none_reverts(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    demand = below(asked)
    for place, value in ((0, 0), (0, 4), (1, 9)):
        header = bytearray(asked.known.tensors[demand.ref].header)
        header[place] = value
        evidence = with_header(asked, demand, bytes(header))
        assert asked.refusal_to_ask(demand, evidence=evidence) == refused("TraceDemands_BadHeader")


@pytest.mark.parametrize("is_shown", [False, True])
def test_demand_same_demand_twice_reverts(asked: Asked, is_shown: bool) -> None:
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    if is_shown:
        asked.show(demand)
    found = asked.refusal_to_ask(demand)
    assert found == refused("TraceDemands_AlreadyAsked", demandId=asked.id(demand))


def with_header(asked: Asked, demand: Any, header: bytes) -> bytes:
    """Evidence in which the tensor has another header. The program's input may have the same one."""
    before, _, after = asked.evidence(demand).rpartition(asked.known.tensors[demand.ref].header)
    return before + header + after


# ---- demand: taken ----------------------------------------------------------------------------------------------------


def test_demand_says_what_was_asked_and_extends_the_claim(asked: Asked) -> None:
    demand, stage = asked.next(step_leaf(0)), asked.stage
    stage.at(stage.now() + 10)
    price = asked.price(demand)
    transaction = asked.ask(demand)
    final = asked.schedule.final_after(0)
    assert event(transaction, "TraceDemanded") == {
        "jobId": asked.job_id,
        "demandId": asked.id(demand),
        "payer": plain(stage.finder),
        "milestone": 0,
        "level": 0,
        "answerBy": stage.now() + STEP,
        "finalAt": final,
        "demand": plain(demand_words(demand)),
    }
    assert event(transaction, "ClaimExtended") == {"jobId": asked.job_id, "milestone": 0, "finalAt": final}
    assert asked.final_at == final == asked.schedule.claimed_at + CHALLENGE_SECONDS + 2 * STEP
    held = {"payer": plain(stage.finder), "askedAt": stage.now(), "isOver": False, "base": price, "crowding": 0}
    assert asked.state(demand) == held
    assert plain(transaction.return_value) == asked.id(demand)


def test_demand_of_a_level_that_was_asked_for_before_extends_nothing(asked: Asked) -> None:
    at_leaves(asked)
    asked.ask(asked.next(step_leaf(0)))
    final = asked.final_at
    transaction = asked.ask(asked.next(step_leaf(2)))
    assert (events(transaction, "ClaimExtended"), asked.final_at) == ([], final)


def test_demand_words_of_the_log_are_read_back(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    for demand in asked.walk(step_leaf(1, 77), lambda demand: (asked.learn(demand), demand)[1]):
        assert read_demand(demand_words(demand), asked.known.lists[demand.ref.kind].count) == demand
