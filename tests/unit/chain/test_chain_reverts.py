"""What a contract said when it refused."""

import pytest
from chain_samples import OPERATOR, address
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain.reverts import decode_revert, revert_in
from tallystick.errors import RevertError, RpcRefusedError


def revert(signature, *values):
    kinds = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(kinds.split(",") if kinds else [], values)


TOO_LOW = revert("StakeManager_StakeTooLow(address,uint256,uint256)", OPERATOR, 5, 7)


def test_decode_revert_given_a_named_error_says_name_values_and_remedy():
    error = decode_revert(TOO_LOW)
    assert (error.name, error.arguments) == (
        "StakeManager_StakeTooLow",
        {"operator": OPERATOR, "available": 5, "wanted": 7},
    )
    assert str(error).endswith(
        f"StakeManager_StakeTooLow(operator={OPERATOR}, available=5, wanted=7). "
        "Deposit more stake, or wait until running jobs release theirs."
    )


def test_decode_revert_given_an_adapters_error_names_it_too():
    """It bubbles up through the settlement; whoever called knows only the settlement."""
    error = decode_revert(revert("EzklVerifierAdapter_InputMismatch(bytes32,bytes32)", b"\x01" * 32, b"\x02" * 32))
    assert (error.name, error.arguments["expected"]) == ("EzklVerifierAdapter_InputMismatch", "0x" + "01" * 32)


def test_decode_revert_given_a_status_shows_its_name():
    error = decode_revert(revert("JobEscrow_WrongStatus(bytes32,uint8,uint8)", b"\xaa" * 32, 3, 1))
    assert "status=completed, wanted=open" in error.what


def test_decode_revert_given_a_tokens_error_names_it():
    error = decode_revert(revert("ERC20InsufficientAllowance(address,uint256,uint256)", address(1), 0, 5))
    assert (error.name, error.arguments["needed"]) == ("ERC20InsufficientAllowance", 5)


def test_decode_revert_given_permit2s_error_says_what_to_do():
    """It bubbles up through the escrow, whose own interface does not name it."""
    error = decode_revert(revert("InvalidSigner()"))
    assert (error.name, "with the creator's key" in error.remedy) == ("InvalidSigner", True)


def test_decode_revert_given_permit2s_error_names_its_argument():
    error = decode_revert(revert("SignatureExpired(uint256)", 17))
    assert error.arguments == {"signatureDeadline": 17}


def test_decode_revert_given_a_reason_quotes_it():
    error = decode_revert(revert("Error(string)", "VKA not registered"))
    assert (error.name, error.arguments) == ("Error", {"reason": "VKA not registered"})


@pytest.mark.parametrize(("code", "meaning"), [(0x11, "overflow"), (0x12, "division by zero"), (0x99, "unknown")])
def test_decode_revert_given_a_panic_says_what_it_means(code, meaning):
    error = decode_revert(revert("Panic(uint256)", code))
    assert (error.name, error.arguments, meaning in error.what) == ("Panic", {"code": code}, True)


def test_decode_revert_given_no_data_says_what_that_can_mean():
    error = decode_revert(b"")
    assert (error.name, error.arguments, "ran out of gas" in error.remedy) == ("", {}, True)


@pytest.mark.parametrize("data", [b"\x12\x34\x56\x78", b"\x01", TOO_LOW[:-1], keccak(text="Error(string)")[:4]])
def test_decode_revert_given_unknown_bytes_shows_them(data):
    error = decode_revert(data)
    assert (error.name, error.arguments) == ("", {"data": "0x" + data.hex()})


@given(st.binary(max_size=200))
def test_decode_revert_never_fails(data):
    assert isinstance(decode_revert(data), RevertError)


def refused(message="execution reverted", code=3, data=None):
    return RpcRefusedError("Refused.", code=code, message=message, data=data)


@pytest.mark.parametrize(
    "data",
    [
        "0x" + TOO_LOW.hex(),
        "Reverted 0x" + TOO_LOW.hex(),
        {"data": "0x" + TOO_LOW.hex()},
        {"result": "0x" + TOO_LOW.hex(), "message": "revert"},
    ],
    ids=["geth", "parity", "nested", "hardhat"],
)
def test_revert_in_finds_the_bytes_wherever_a_node_puts_them(data):
    found = revert_in(refused(data=data))
    assert found is not None
    assert found.name == "StakeManager_StakeTooLow"


@pytest.mark.parametrize("refusal", [refused(), refused(data="0x"), refused("VM Exception: revert", -32015)])
def test_revert_in_given_a_revert_without_data_is_bare(refusal):
    found = revert_in(refusal)
    assert found is not None
    assert found.name == ""


@pytest.mark.parametrize(
    "message",
    ["out of gas", "EVM error OutOfGas", "invalid opcode: INVALID", "gas required exceeds allowance (30000000)"],
)
def test_revert_in_given_code_that_stopped_otherwise_says_how(message):
    found = revert_in(refused(message, -32000))
    assert found is not None
    assert (found.name, message in found.what) == ("", True)


@pytest.mark.parametrize(
    "refusal",
    [refused("insufficient funds for gas", -32000), refused("limit exceeded", -32005, data="try later")],
)
def test_revert_in_given_another_refusal_is_none(refusal):
    assert revert_in(refusal) is None
