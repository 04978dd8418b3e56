"""ModelRegistry

register
├── a layout other than 1 → ModelRegistry_BadSpec
├── no kind, no program, no manifest → ModelRegistry_BadSpec
├── an adapter that the router does not have
│   ├── at all → ModelRegistry_UnknownAdapter
│   └── for this kind → ModelRegistry_UnknownAdapter
├── for the first time → stored, ModelRegistered
└── again, by anyone → the same id, nothing changes

specOf
├── an unknown id → ModelRegistry_UnknownModel
└── a known one → every field as registered

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
from stage import NO_HASH, OPTIMISTIC, ZERO, ZK, Stage, event, events, word

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "claims.json").read_text())

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


@pytest.mark.parametrize(("kind", "adapter"), [(ZK, ZERO), (ZK, word("nothing")[:42]), (OPTIMISTIC, None)])
def test_register_with_unknown_adapter_reverts(stage: Stage, kind: int, adapter: str | None) -> None:
    adapter = adapter or stage.adapter.address
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
    assert event(registered, "ModelRegistered") == {
        "modelId": plain(stage.registry.modelIdOf(spec)),
        "proofKind": ZK,
        "programId": spec[4],
        "spec": plain(spec),
    }


def test_register_again_changes_nothing(stage: Stage) -> None:
    again = stage.registry.register(stage.spec("digits"), {"from": stage.creator})
    assert (events(again, "ModelRegistered"), plain(again.return_value)) == ([], stage.model)


def test_spec_of_unknown_model_reverts(stage: Stage) -> None:
    assert refusal(stage.registry.specOf, word("nothing"), sender=stage.stranger) == refused(
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
