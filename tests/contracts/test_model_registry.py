"""ModelRegistry

register
├── a layout other than 1 → ModelRegistry_BadSpec
├── no kind, no program, no manifest → ModelRegistry_BadSpec
├── an adapter that the router does not have
│   ├── at all → ModelRegistry_UnknownAdapter
│   └── for this kind, either way → ModelRegistry_UnknownAdapter
├── for the first time → stored, ModelRegistered
└── again, by anyone → the same id, nothing changes

specOf, programOf, proofKindOf
├── an unknown id → ModelRegistry_UnknownModel
├── a known one → every field as registered
├── programOf → who checks, with the router's gas cap, for which program
├── programOf of a model whose adapter has another cap for another kind → its own kind's
└── proofKindOf → the kind

modelIdOf
├── the shared vectors → their ids
└── one field changed, whichever → another id
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import plain, refusal, refused
from stage import GAS_CAP, NO_HASH, OPTIMISTIC, ZERO, ZK, Stage, event, events, word

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "claims.json").read_text())

MOST_GAS = 2**40 - 1
BAD_SPECS: dict[str, dict[str, Any]] = {
    "schemaVersion: not 1": {"schemaVersion": 2},
    "proofKind: None": {"proofKind": 0},
    "programId: zero": {"programId": NO_HASH},
    "manifest: zero": {"manifest": NO_HASH},
}


@pytest.mark.parametrize("reason", BAD_SPECS)
def test_register_with_bad_spec_reverts(stage: Stage, reason: str) -> None:
    spec = stage.spec("bad", **BAD_SPECS[reason])
    assert refusal(stage.registry.register, spec, sender=stage.stranger) == refused(
        "ModelRegistry_BadSpec", reason=reason
    )


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [(ZK, ZERO), (ZK, word("nothing")[:42]), (ZK, "judge"), (OPTIMISTIC, "adapter"), (OPTIMISTIC, "escrow")],
)
def test_register_with_unknown_adapter_reverts(stage: Stage, kind: int, adapter: str) -> None:
    adapter = adapter if adapter.startswith("0x") else getattr(stage, adapter).address
    spec = stage.spec("bad", proofKind=kind, adapter=adapter)
    assert refusal(stage.registry.register, spec, sender=stage.stranger) == refused(
        "ModelRegistry_UnknownAdapter", proofKind=kind, adapter=adapter
    )


def test_register_stores_every_field(stage: Stage) -> None:
    spec = stage.spec("new", semanticsVersion=7, weightsRoot=word("weights"))
    stage.registry.register(spec, {"from": stage.stranger})
    assert plain(stage.registry.specOf(stage.registry.modelIdOf(spec))) == plain(spec)


def test_register_emits_the_spec(stage: Stage) -> None:
    spec = stage.spec("new")
    registered = stage.registry.register(spec, {"from": stage.stranger})
    assert plain(registered.return_value) == plain(stage.registry.modelIdOf(spec))
    assert event(registered, "ModelRegistered") == {
        "modelId": plain(stage.registry.modelIdOf(spec)),
        "proofKind": ZK,
        "programId": spec[4],
        "spec": plain(spec),
    }


def test_register_again_changes_nothing(stage: Stage) -> None:
    again = stage.registry.register(stage.spec("digits"), {"from": stage.creator})
    assert (events(again, "ModelRegistered"), plain(again.return_value)) == ([], stage.model)


def test_program_of_a_model_is_what_a_claim_is_checked_with(stage: Stage) -> None:
    found = [plain(stage.registry.programOf(model)) for model in (stage.model, stage.traced)]
    assert found == [
        (plain(stage.adapter), GAS_CAP, word("program digits")),
        (plain(stage.judge), GAS_CAP, word("program traced")),
    ]


def test_program_of_a_model_has_its_own_kinds_gas_cap(stage: Stage) -> None:
    stage.router.addAdapter(OPTIMISTIC, stage.adapter, MOST_GAS, {"from": stage.governor})
    both = stage.register_model("judged by its prover", proofKind=OPTIMISTIC)
    assert [int(stage.registry.programOf(model)[1]) for model in (stage.model, both)] == [GAS_CAP, MOST_GAS]


def test_proof_kind_of_a_model_is_the_registered_one(stage: Stage) -> None:
    assert [int(stage.registry.proofKindOf(model)) for model in (stage.model, stage.traced)] == [ZK, OPTIMISTIC]


@pytest.mark.parametrize("view", ["specOf", "programOf", "proofKindOf"])
def test_view_of_unknown_model_reverts(stage: Stage, view: str) -> None:
    assert refusal(getattr(stage.registry, view), word("nothing"), sender=stage.stranger) == refused(
        "ModelRegistry_UnknownModel", modelId=word("nothing")
    )


@pytest.mark.parametrize("case", VECTORS["specs"][:2])
def test_model_id_of_the_shared_specs_is_the_shared_id(stage: Stage, case: dict[str, Any]) -> None:
    assert plain(stage.registry.modelIdOf(tuple(case["spec"]))) == case["modelId"]


CHANGES = (2, OPTIMISTIC, 9, ZERO, word("program"), word("weights"), word("manifest"))


@pytest.mark.parametrize("place", range(7))
def test_model_id_of_changed_spec_is_another(stage: Stage, place: int) -> None:
    spec = list(stage.spec("digits"))
    spec[place] = CHANGES[place]
    assert plain(stage.registry.modelIdOf(tuple(spec))) != stage.model
