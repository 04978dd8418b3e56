"""Deployment records: read whole, or refused with what is wrong."""

import json

import pytest
from chain_samples import CONTRACTS, DEPLOYMENT, address

from tallystick.chain.deployment import load_deployment
from tallystick.errors import InputError
from tallystick.market.terms import SigningDomain

NAMES = (
    "JobEscrow",
    "MilestoneSettlement",
    "StakeManager",
    "ModelRegistry",
    "VerifierRouter",
    "ProtocolParameters",
    "Authority",
    "Timelock",
    "EzklVerifierAdapter",
    "EzklVerifier",
    "TraceDispute",
    "TraceDemands",
)


def record(**changed):
    """As scripts/deploy.py writes it."""
    return {
        "schema": 1,
        "chain_id": 31337,
        "block": 5,
        "contracts": dict(zip(NAMES, CONTRACTS.model_dump().values(), strict=True)),
        "tokens": {"payment": address(0xA1), "stake": address(0xA2)},
        "ezkl_verifier_codehash": None,
        "gas": {"JobEscrow": 3_000_000},
        **changed,
    }


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "deployment.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_load_deployment_given_a_record_reads_names_as_solidity_spells_them(write):
    assert load_deployment(write(record())) == DEPLOYMENT


def test_load_deployment_given_what_it_wrote_itself_reads_it(write):
    assert load_deployment(write(DEPLOYMENT.model_dump_json(by_alias=True))) == DEPLOYMENT


def test_load_deployment_given_field_names_as_python_spells_them_reads_them(write):
    assert load_deployment(write(DEPLOYMENT.model_dump_json())) == DEPLOYMENT


def test_load_deployment_without_a_test_payment_token_has_none(write):
    assert load_deployment(write(record(tokens={"stake": address(0xA2)}))).tokens.payment is None


def test_load_deployment_given_no_file_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read: No such file.*scripts\.deploy"):
        load_deployment(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "the record: "),
        ("[]", "the record: "),
        (record(chain_id=0), "chain_id"),
        (record(schema=2), "schema"),
        (record(tokens={}), "tokens.stake"),
        (record(contracts={}), "contracts.JobEscrow"),
        (record(contracts={**record()["contracts"], "StakeManager": "0x12"}), "contracts.StakeManager"),
        (record(ezkl_verifier_codehash="0x12"), "ezkl_verifier_codehash"),
    ],
    ids=["no json", "no object", "chain", "schema", "token", "contracts", "address", "codehash"],
)
def test_load_deployment_given_a_wrong_record_names_the_place(write, content, said):
    with pytest.raises(InputError, match="is not a deployment record") as caught:
        load_deployment(write(content))
    assert said in caught.value.what


def test_load_deployment_given_some_huge_file_does_not_read_it_whole(write):
    with pytest.raises(InputError, match="larger than any"):
        load_deployment(write(" " * 300_000))


def test_domain_is_the_escrows_on_its_chain():
    assert DEPLOYMENT.domain() == SigningDomain(chain_id=31337, escrow=CONTRACTS.job_escrow)
