"""The command against a real chain: every bad input has its own clear sentence, and costs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import structlog
from anvil_chain import AnvilChain
from client_market import CREATOR, INPUTS, Market, product
from typer.testing import CliRunner, Result

from client_sdk.cli import app
from client_sdk.settings import FIELDS, PREFIX
from tallystick.chain.keys import create_keystore
from tallystick.ids import ModelId

pytestmark = pytest.mark.chain
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Shell:
    """A terminal in front of a market with one registered model."""

    market: Market
    model_id: ModelId

    def run(self, *arguments: str | Path, **environ: str | None) -> Result:
        folder = self.market.folder
        named: dict[str, str | None] = {
            "rpc": self.market.chain.rpc_url,
            "deployment": str(folder / "deployment.json"),
            "store": str(folder / "store"),
            "dispatcher": None,
            "keystore": str(folder / "creator.json"),
            "password_file": str(folder / "password"),
            "home": str(folder / "home"),
            **environ,
        }
        surroundings = {PREFIX + field.upper(): named[field] for field in FIELDS} | {"COLUMNS": "300"}
        try:
            return CliRunner().invoke(app, [str(one) for one in arguments], env=surroundings)
        finally:
            structlog.reset_defaults()

    def fund(self, inputs: Any = INPUTS, *options: str, **environ: str | None) -> Result:
        place = self.market.folder / "inputs.json"
        place.write_text(inputs if isinstance(inputs, str) else json.dumps(inputs))
        wanted = ("--model", self.model_id, "--inputs", place, "--max-price", "10")
        return self.run("job", "fund", *wanted, *options, **environ)

    def transactions(self) -> int:
        return self.market.chain.transaction_count(CREATOR.address)

    def refused(self, result: Result, *sentences: str, before: int) -> None:
        """The run ended with exit code 1, said all of the sentences, showed no traceback and sent nothing."""
        assert result.exit_code == 1, result.output
        for sentence in sentences:
            assert sentence in result.stderr
        assert "Traceback" not in result.output
        assert self.transactions() == before


def last_object(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.fixture
def shell(market: Market) -> Shell:
    async def register() -> ModelId:
        async with market.client() as client:
            return (await market.model(client)).model_id

    record = market.deployment.model_dump_json(by_alias=True)
    (market.folder / "deployment.json").write_text(record)
    (market.folder / "password").write_text(PASSWORD)
    (market.folder / "password").chmod(0o600)
    create_keystore(market.folder / "creator.json", PASSWORD, bytes(CREATOR.key), light=True)
    return Shell(market, asyncio.run(register()))


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([[0.5, 0.0, 0.1]], "Input 'x' has shape [1, 3]; the model takes [1, 2]."),
        ([["0.5", 0.0]], "The input holds '0.5' of type str."),
        ([[True, 0.0]], "The input holds True of type bool."),
        ("[[NaN, 0.0]]", "Input 'x' is nan at (0, 0)."),
        ("[[1e999, 0.0]]", "Input 'x' is inf at (0, 0)."),
        ([], "The input is empty."),
        ([[0.5, 40.0]], "Input 'x' is 40.0 at (0, 1), outside the circuit's range -1.0 to 1.0."),
        ([[0.5], [0.5, 0.0]], "The input is ragged"),
        ("[[0.5, 0.0]", "is not JSON"),
    ],
)
def test_fund_given_a_bad_input_says_what_is_wrong_with_it(shell: Shell, inputs: Any, sentence: str) -> None:
    before = shell.transactions()

    shell.refused(shell.fund(inputs), f"{sentence}", before=before)


def test_fund_given_requirements_that_do_not_parse_points_at_the_place(shell: Shell) -> None:
    before = shell.transactions()

    result = shell.fund(INPUTS, "--requirements", "gpu>=1 vram>=lots")

    shell.refused(result, "gpu>=1 vram>=lots", before=before)
    lines = result.stderr.splitlines()
    text = next(index for index, line in enumerate(lines) if line.strip() == "gpu>=1 vram>=lots")
    assert lines[text + 1].index("^") == lines[text].index("lots")


@pytest.mark.parametrize(
    ("options", "sentences"),
    [
        (("--max-price", "100.5"), ("The job deposits 100.5 tUSD", "Get 0.5 tUSD more")),
        (("--no-approve",), ("may take 0 tUSD", "tallystick wallet approve 10 --token")),
        (("--token", "0x" + "12" * 20), ("0x1212121212121212121212121212121212121212",)),
        (("--token", "tUSD"), ("'tUSD' is not an address.",)),
        (("--max-price", "ten"), ("max_price: 'ten' is not an amount.",)),
        (("--min-price", "11"), ("The minimum price 11 is above the maximum 10.",)),
        (("--deadline", "soon"), ("deadline: 'soon' is not a duration.",)),
        (("--milestones", "3"), ("The inputs make 2 milestones, not 3.",)),
        (("--model", "0x" + "12" * 32), ("No model 0x1212",)),
        (("--stake-lock", "0"), ("below the protocol's minimum",)),
    ],
)
def test_fund_given_a_bad_option_says_so_with_its_value(
    shell: Shell, options: tuple[str, ...], sentences: tuple[str, ...]
) -> None:
    before = shell.transactions()

    shell.refused(shell.fund(INPUTS, *options), *sentences, before=before)


def test_fund_given_a_wrong_password_says_which_keystore_it_does_not_open(shell: Shell) -> None:
    wrong = shell.market.folder / "wrong"
    wrong.write_text("battery staple")
    before = shell.transactions()

    shell.refused(shell.fund(password_file=str(wrong)), "The password does not open", "creator.json", before=before)


def test_fund_given_an_endpoint_of_another_chain_names_both(shell: Shell, new_chain: Callable[..., AnvilChain]) -> None:
    other = new_chain("--chain-id", "5", state=None)
    before = shell.transactions()

    shell.refused(shell.fund(rpc=other.rpc_url), "answers for chain 5; the deployment is on chain 31337", before=before)


def test_fund_given_an_endpoint_that_is_down_names_it(shell: Shell) -> None:
    before = shell.transactions()

    shell.refused(shell.fund(rpc="http://127.0.0.1:1"), "127.0.0.1:1 cannot be reached", before=before)


def test_fund_given_a_chain_without_the_contracts_says_what_is_not_there(
    shell: Shell, new_chain: Callable[..., AnvilChain]
) -> None:
    empty = new_chain(state=None)
    before = shell.transactions()

    shell.refused(shell.fund(rpc=empty.rpc_url), "There is no contract at", "job_escrow", before=before)


def test_fund_given_a_dispatcher_that_is_down_says_so_and_funds_all_the_same(shell: Shell) -> None:
    result = shell.fund(dispatcher="http://127.0.0.1:1")

    assert result.exit_code == 0
    assert "Note: The dispatcher at http://127.0.0.1:1 does not answer" in result.stderr
    assert "open, 0 of 2 milestones paid" in result.stdout


def test_why_given_a_dispatcher_that_is_down_says_that_jobs_go_on_without_it(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]

    result = shell.run("job", "why", job_id, dispatcher="http://127.0.0.1:1")

    assert result.exit_code == 1
    assert "jobs and claims go on without it" in result.stderr


def test_fund_given_json_ends_with_the_job_and_what_to_do_next(shell: Shell) -> None:
    made = last_object(shell.fund(INPUTS, "--json"))

    assert (made["status"], made["milestones"], made["terms"]["max_price"]) == ("open", 2, 10_000_000)
    assert made["next"].endswith(f"tallystick job watch {made['job_id']}")


def test_fund_given_the_same_salt_twice_pays_once(shell: Shell) -> None:
    first = last_object(shell.fund(INPUTS, "--salt", "7", "--json"))
    before = shell.transactions()

    assert last_object(shell.fund(INPUTS, "--salt", "7", "--json"))["job_id"] == first["job_id"]
    assert shell.transactions() == before


def test_fund_given_an_array_file_takes_it(shell: Shell) -> None:
    place = shell.market.folder / "inputs.npy"
    numpy.save(place, numpy.array(INPUTS, dtype=numpy.float32))

    made = last_object(
        shell.run("job", "fund", "--model", shell.model_id, "--inputs", place, "--max-price", "10", "--json")
    )

    assert made["milestones"] == 2


def test_watch_given_a_cancelled_job_tells_its_story_line_by_line(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]
    assert shell.run("job", "cancel", job_id).exit_code == 0

    lines = [json.loads(line) for line in shell.run("job", "watch", job_id, "--json").stdout.splitlines()]

    assert [line.get("event") for line in lines] == ["JobCreated", "JobRefunded", None]
    assert lines[-1]["next"] == "The deposit is credited to you. Take it home: tallystick wallet withdraw"


def test_watch_given_a_time_limit_says_that_the_job_goes_on(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]

    result = shell.run("job", "watch", job_id, "--timeout", "0.1")

    assert result.exit_code == 1
    assert "is open after 0.1 s: 0 of 2 milestones are paid." in result.stderr


def test_result_given_a_job_without_one_says_how_far_it_is(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]

    result = shell.run("job", "result", job_id)

    assert result.exit_code == 1
    assert "Milestone 0 of job" in result.stderr and "0 of 2 milestones are paid" in result.stderr


def test_receipt_given_a_file_is_verified_and_a_changed_one_is_not(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]
    place = shell.market.folder / "receipt.json"
    assert shell.run("job", "receipt", job_id, "--out", place).exit_code == 0
    assert last_object(shell.run("job", "verify", place, "--json"))["verified"] is True

    place.write_text(place.read_text().replace('"status": "open"', '"status": "completed"'))
    result = shell.run("job", "verify", place)

    assert result.exit_code == 1
    assert "The receipt has completed as status; the chain has open." in result.stderr


def test_show_given_an_unknown_job_says_up_to_which_block_it_looked(shell: Shell) -> None:
    result = shell.run("job", "show", "0x" + "12" * 32)

    assert result.exit_code == 1
    assert "There is no job 0x1212" in result.stderr


def test_show_given_no_job_id_says_what_one_is(shell: Shell) -> None:
    result = shell.run("job", "show", "digits")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: 'digits' is not a job id.",
        "A job id is 0x and 64 hex digits.",
    ]


def test_list_given_ones_own_jobs_names_them_newest_first(shell: Shell) -> None:
    made = [last_object(shell.fund(INPUTS, "--json"))["job_id"] for _ in range(2)]

    listed = last_object(shell.run("job", "list", "--json"))["jobs"]

    assert [job["job_id"] for job in listed] == made[::-1]


def test_withdraw_given_a_cancelled_job_takes_the_deposit_home(shell: Shell) -> None:
    job_id = last_object(shell.fund(INPUTS, "--json"))["job_id"]
    shell.run("job", "cancel", job_id)

    assert "10 tUSD withdrawn." in shell.run("wallet", "withdraw").stdout
    assert "Nothing is owed to you." in shell.run("wallet", "withdraw").stdout


def test_model_list_and_show_given_a_registered_model_describe_it(shell: Shell) -> None:
    [listed] = last_object(shell.run("model", "list", "--json"))["models"]
    assert (listed["model_id"], listed["name"]) == (shell.model_id, "doubler")

    shown = last_object(shell.run("model", "show", shell.model_id, "--json"))
    assert shown["inputs"][0]["shape"] == [1, 2]


def test_faucet_given_a_local_chain_gives_test_tokens(shell: Shell) -> None:
    shown = last_object(shell.run("wallet", "faucet", "--amount", "5", "--json"))

    assert {token["symbol"]: token["held"] for token in shown["tokens"]}["tUSD"] == 105 * 10**6


def test_register_given_a_file_that_is_no_model_says_so(shell: Shell) -> None:
    place = shell.market.folder / "model.onnx"
    place.write_bytes(b"not a model")
    (shell.market.folder / "calibration.json").write_text("[[0.5, 0.0]]")
    before = shell.transactions()

    result = shell.run("model", "register", place, "--calibration", shell.market.folder / "calibration.json")

    shell.refused(result, "Error: ", "ONNX", before=before)


@pytest.mark.proofs
def test_register_given_a_model_tells_each_step_and_ends_with_its_id(shell: Shell) -> None:
    place, calibration = shell.market.folder / "product.onnx", shell.market.folder / "calibration.json"
    place.write_bytes(product())
    calibration.write_text("[[[0.5, 0.0]], [[-1.0, 1.0]]]")

    result = shell.run("model", "register", place, "--calibration", calibration, "--json")

    made = last_object(result)
    steps = [json.loads(line)["step"] for line in result.stdout.splitlines()[:-1]]
    assert {"calibrate", "setup"} <= set(steps)
    assert (made["name"], made["outputs"][0]["shape"]) == ("product", [1, 3])
