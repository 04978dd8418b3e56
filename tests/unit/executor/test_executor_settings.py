from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from executor_builders import OPERATOR, TOKEN, address

from executor.settings import DEFAULT_HOME, ColdSettings, HomeSettings, Settings, load_settings
from tallystick.errors import InputError
from tallystick.market.terms import ProofKind

ENVIRONMENT = {
    "TALLYSTICK_EXECUTOR_RPC": "http://127.0.0.1:8545",
    "TALLYSTICK_EXECUTOR_DEPLOYMENT": "deployment.json",
    "TALLYSTICK_EXECUTOR_STORE": "dir:store",
    "TALLYSTICK_EXECUTOR_OPERATOR": OPERATOR,
    "TALLYSTICK_EXECUTOR_KEYSTORE": "agent.json",
}


def loaded(options: dict[str, Any] | None = None, **environment: str) -> Settings:
    return load_settings(Settings, options or {}, ENVIRONMENT | environment)


def test_load_settings_given_the_environment_alone_is_enough() -> None:
    assert loaded().operator == OPERATOR


def test_load_settings_given_an_option_prefers_it_to_the_environment() -> None:
    assert loaded({"store": "dir:mine"}).store == "dir:mine"


@pytest.mark.parametrize("name", ["rpc", "deployment", "store", "operator", "keystore"])
def test_load_settings_given_a_setting_missing_names_option_and_variable(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != f"TALLYSTICK_EXECUTOR_{name.upper()}"}

    with pytest.raises(InputError, match=f"Give --{name}, or set TALLYSTICK_EXECUTOR_{name.upper()}"):
        load_settings(Settings, {name: None}, environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPERATOR", "0x12"),
        ("MAX_JOBS", "0"),
        ("MIN_MILESTONE_PRICE", "-1"),
        ("CONFIRMATIONS", "0"),
        ("POLL_SECONDS", "0"),
        ("SAFETY", "0.5"),
        ("REGION", "EU West"),
        ("MAX_ARTIFACT_BYTES", "much"),
        ("KEY_CACHE_BYTES", "0"),
        ("PAYMENT_TOKENS", "0x12"),
        ("PROOF_KINDS", "zk,magic"),
        ("PROOF_KINDS", ""),
        ("BACKEND", "abacus"),
        ("ENGINE_THREADS", "-1"),
        ("MAX_TRACE_BYTES", "0"),
    ],
)
def test_load_settings_given_a_value_that_makes_no_sense_refuses_it(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name.lower()):
        loaded({}, **{f"TALLYSTICK_EXECUTOR_{name}": value})


@pytest.mark.parametrize("name", ["rpc_timeout_seconds", "safety", "max_artifact_bytes", "proof_memory"])
def test_load_settings_given_a_setting_without_an_option_names_the_variable_alone(name: str) -> None:
    variable = f"TALLYSTICK_EXECUTOR_{name.upper()}"

    with pytest.raises(InputError) as raised:
        loaded({"rpc": None}, **{variable: "0"})
    assert raised.value.remedy == f"Set {variable}."


def test_load_settings_given_a_wrong_checksum_keeps_the_case_of_names() -> None:
    with pytest.raises(InputError, match="must match its EIP-55 checksum") as raised:
        loaded(TALLYSTICK_EXECUTOR_OPERATOR=OPERATOR.swapcase().replace("0X", "0x"))
    assert "value error" not in raised.value.what


def test_load_settings_given_a_validators_sentence_goes_on_in_small_letters() -> None:
    with pytest.raises(InputError, match="cannot be used: input should be greater than 0"):
        loaded(TALLYSTICK_EXECUTOR_POLL_SECONDS="0")


def test_load_settings_given_a_size_with_a_unit_reads_it() -> None:
    assert loaded(TALLYSTICK_EXECUTOR_MAX_JOB_BYTES="2GiB").max_job_bytes == 2 * 2**30


def test_load_settings_given_a_bound_for_keys_reads_it() -> None:
    assert loaded(TALLYSTICK_EXECUTOR_KEY_CACHE_BYTES="3GiB").key_cache_bytes == 3 * 2**30


def test_load_settings_given_several_tokens_reads_each() -> None:
    both = f"{TOKEN}, {address('another token')}"

    assert loaded(TALLYSTICK_EXECUTOR_PAYMENT_TOKENS=both).payment_tokens == (TOKEN, address("another token"))


def test_load_settings_given_the_provers_own_variable_takes_its_threads() -> None:
    assert loaded(RAYON_NUM_THREADS="3").prover_threads == 3


def test_load_settings_given_both_variables_for_threads_prefers_ours() -> None:
    assert loaded(RAYON_NUM_THREADS="3", TALLYSTICK_EXECUTOR_PROVER_THREADS="1").prover_threads == 1


def test_load_settings_given_no_home_is_in_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")

    assert load_settings(HomeSettings, {}, {}).home == Path("/home/somebody") / DEFAULT_HOME.relative_to("~")


def test_settings_given_an_rpc_url_with_a_key_do_not_show_it() -> None:
    assert "secret" not in repr(loaded({"rpc": "https://node.example/secret"}))


def test_cold_settings_given_the_agents_key_alone_refuse() -> None:
    with pytest.raises(InputError, match="operator_keystore"):
        load_settings(ColdSettings, {}, ENVIRONMENT)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("zk", {ProofKind.ZK}),
        ("Optimistic", {ProofKind.OPTIMISTIC}),
        ("optimistic, zk", {ProofKind.ZK, ProofKind.OPTIMISTIC}),
    ],
)
def test_load_settings_given_proof_kinds_reads_each(said: str, kinds: set[ProofKind]) -> None:
    assert loaded(TALLYSTICK_EXECUTOR_PROOF_KINDS=said).proof_kinds == kinds


def test_load_settings_given_no_proof_kinds_takes_both() -> None:
    assert loaded().proof_kinds == {ProofKind.ZK, ProofKind.OPTIMISTIC}
