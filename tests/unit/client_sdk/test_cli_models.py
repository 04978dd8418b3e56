"""`tallystick model register|show|list` and `job audit`, as far as they need no chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_runs import last_object, run
from client_builders import World
from optimistic_world import OptimisticWorld
from rich.table import Table

from client_sdk._audit import AuditFinding, ClaimAudit
from client_sdk._models import ModelListing
from client_sdk.cli._dispute_views import FINDINGS_SHOWN, audit_table, finding_lines
from client_sdk.cli._kinds import ProofKindWord
from client_sdk.cli._model_views import model_table, model_values, models_table
from client_sdk.cli.model import kind_of
from tallystick.errors import InputError
from tallystick.ids import JobId
from tallystick.market.manifests import ProgramTensor
from tallystick.market.terms import ProofKind


def rows_of(table: Table) -> dict[str, str]:
    names, values = table.columns
    return {str(name): str(value) for name, value in zip(names.cells, values.cells, strict=True)}


def test_kind_of_given_a_folder_is_optimistic_and_a_file_zk(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"onnx")

    assert kind_of(tmp_path, None) is ProofKindWord.OPTIMISTIC
    assert kind_of(tmp_path / "net.onnx", ProofKindWord.ZK) is ProofKindWord.ZK


@pytest.mark.parametrize(
    ("name", "wanted", "sentence"),
    [
        ("none", None, "neither a file nor a folder"),
        ("net.onnx", ProofKindWord.OPTIMISTIC, "is a file, which is registered as zk, not as optimistic"),
        (".", ProofKindWord.ZK, "is a folder, which is registered as optimistic, not as zk"),
    ],
)
def test_kind_of_given_what_it_cannot_become_says_what_becomes_what(
    tmp_path: Path, name: str, wanted: ProofKindWord | None, sentence: str
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"onnx")

    with pytest.raises(InputError, match=sentence):
        kind_of(tmp_path / name, wanted)


def test_register_given_an_onnx_file_without_calibration_names_both_ways(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"onnx")

    done = last_object(run("model", "register", tmp_path / "net.onnx", "--json", home=tmp_path))

    assert "needs calibration data" in done["message"]
    assert "--calibration" in done["remedy"] and "tallystick model compile" in done["remedy"]


@pytest.mark.parametrize("kind", ["zk", "optimistic"])
def test_model_values_given_either_kind_are_json_and_name_it(tmp_path: Path, kind: str) -> None:
    model = World(tmp_path).model if kind == "zk" else OptimisticWorld(tmp_path).program_model

    values = json.loads(json.dumps(model_values(model)))

    assert values["proof_kind"] == kind
    assert rows_of(model_table(model))["proof kind"].startswith(f"{kind}: ")


def test_model_table_given_a_program_shows_how_its_numbers_are_held(tmp_path: Path) -> None:
    rows = rows_of(model_table(OptimisticWorld(tmp_path).program_model))

    assert rows["input image"] == "u8[1, 6, 6, 4], scale 0.1, zero 3"
    assert rows["output answer"].endswith("integers")
    assert ProgramTensor(name="x", dtype="i32", dims=(), held="order").scale_bits is None


def test_models_table_names_each_kind() -> None:
    listed = [ModelListing("0x" + "11" * 32, None, ProofKind.OPTIMISTIC, 4)]  # type: ignore[arg-type]

    cells = [str(next(iter(column.cells))) for column in models_table(listed).columns]
    assert cells[1:] == ["(its manifest is not in this store)", "optimistic", "4"]


def audit(wrong: int = 0, **changes: Any) -> ClaimAudit:
    fields: dict[str, Any] = {
        "job_id": JobId("0x" + "11" * 32),
        "milestone": 2,
        "operator": "0x0000000000000000000000000000000000000001",
        "final_at": 1_700_000_000,
        "is_full": False,
        "drawn": 100,
        "seed": "0x01",
        "step_sizes": (900, 100),
        "findings": tuple(AuditFinding("element", 0, f"Element {one} is wrong.", one, 1, 2) for one in range(wrong)),
    }
    return ClaimAudit(**{**fields, **changes})


@pytest.mark.parametrize(
    ("one", "looked", "found", "met"),
    [
        (
            audit(),
            "100 of 1,000",
            "nothing wrong",
            "a wrong share of 2.95%, one of 100% of steps if all of it were wrong",
        ),
        (audit(3), "100 of 1,000", "3 wrong", "a wrong share of 2.95%, one of 100% of steps if all of it were wrong"),
        (audit(is_full=True, drawn=1_000), "all 1,000 elements", "nothing wrong", "any wrong element"),
    ],
)
def test_audit_table_says_how_much_was_looked_at_and_how_surely(
    one: ClaimAudit, looked: str, found: str, met: str
) -> None:
    cells = [str(next(iter(column.cells))) for column in audit_table([one]).columns]

    assert cells[3:] == [looked, found, met]


def test_finding_lines_given_very_many_tell_the_first_and_count_the_rest() -> None:
    lines = finding_lines([audit(FINDINGS_SHOWN + 5), audit()])

    assert lines[0] == "- milestone 2: Element 0 is wrong."
    assert lines[-1] == "- milestone 2: and 5 more"
    assert len(lines) == FINDINGS_SHOWN + 1


def test_audit_values_are_json_with_everything_that_was_found() -> None:
    values = json.loads(json.dumps(audit(1).values()))

    assert (values["clean"], values["findings"][0]["claimed"], values["population"]) == (False, 2, 1_000)


def test_audit_given_a_seed_that_is_none_says_how_to_write_one(tmp_path: Path) -> None:
    network = {"TALLYSTICK_CLIENT_RPC": "http://127.0.0.1:1", "TALLYSTICK_CLIENT_DEPLOYMENT": str(tmp_path / "none")}
    done = run("job", "audit", "0x" + "11" * 32, "--seed", "xyz", "--json", home=tmp_path, environ=network)

    assert last_object(done)["message"] == "'xyz' is no seed."
