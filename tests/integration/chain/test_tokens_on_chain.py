"""Tokens as they are found, and what is no token at all."""

import pytest
from eth_utils import keccak
from faulty_node import FaultyNode
from market_scene import address_of, create_runtime

from tallystick.chain.reader import ChainReader
from tallystick.chain.views import TokenInfo
from tallystick.errors import ChainUnavailableError, InputError, RpcRefusedError
from tallystick.ids import ZERO_ADDRESS

pytestmark = pytest.mark.chain


def selector(signature: str) -> str:
    return keccak(text=signature)[:4].hex()


def answering(answers: dict[str, bytes]) -> str:
    """Code (hex) of a contract that answers each function with one fixed word, and reverts on any other.

    For each: PUSH0 CALLDATALOAD PUSH1 224 SHR PUSH4 selector EQ PUSH2 place JUMPI; at the place: JUMPDEST PUSH32 word
    PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
    """
    head = sum(len("5f3560e01c63000000001461000057") // 2 for _ in answers) + len("5f5ffd") // 2
    body, code = "", ""
    for signature, word in answers.items():
        place = head + len(body) // 2
        code += f"5f3560e01c63{selector(signature)}1461{place:04x}57"
        body += f"5b7f{word.hex()}5f5260205ff3"
    return code + "5f5ffd" + body


ONE = (1).to_bytes(32, "big")
BALANCE = {"balanceOf(address)": ONE}


async def test_token_of_the_deployment_says_symbol_and_decimals(scene):
    info = await scene.reader.token(scene.payment)
    assert (info.symbol, info.decimals) == ("tUSD", 6)


async def test_token_is_asked_once(chain, deployment):
    with FaultyNode(chain) as node:
        async with await ChainReader.connect(node.url, deployment) as reader:
            await reader.token(deployment.tokens.stake)
            asked = node.count("eth_call")
            await reader.token(deployment.tokens.stake)
            assert node.count("eth_call") == asked


async def test_token_that_names_itself_in_bytes32_is_read(scene):
    name = b"MKR".ljust(32, b"\0")
    token = create_runtime(
        scene.chain, answering({**BALANCE, "symbol()": name, "decimals()": b"\x12".rjust(32, b"\0")})
    )
    assert await scene.reader.token(token) == TokenInfo(address=token, symbol="MKR", decimals=18)


async def test_token_that_does_not_name_itself_is_shown_by_its_address(scene):
    token = create_runtime(scene.chain, answering(BALANCE))
    assert await scene.reader.token(token) == TokenInfo(address=token, symbol=f"{token[:6]}..{token[-4:]}", decimals=0)


@pytest.mark.parametrize("decimals", [b"\xff" * 32, (256).to_bytes(32, "big")], ids=["largest", "256"])
async def test_token_with_impossible_decimals_has_none(scene, decimals):
    token = create_runtime(scene.chain, answering({**BALANCE, "decimals()": decimals}))
    assert (await scene.reader.token(token)).decimals == 0


@pytest.mark.parametrize("ask", ["token", "balance_of", "allowance"])
async def test_reader_given_an_address_without_a_token_says_so(scene, ask):
    more = {"token": 0, "balance_of": 1, "allowance": 2}[ask]
    with pytest.raises(InputError, match="is not an ERC-20 token"):
        await getattr(scene.reader, ask)(address_of("stranger"), *[ZERO_ADDRESS] * more)


async def test_reader_given_a_contract_that_is_no_token_says_so(scene):
    with pytest.raises(InputError, match="does not answer balanceOf"):
        await scene.reader.token(scene.deployment.contracts.job_escrow)


@pytest.mark.parametrize(
    ("status", "error"), [(503, ChainUnavailableError), (400, RpcRefusedError)], ids=["down", "refusing"]
)
async def test_token_through_a_node_in_trouble_blames_the_node(chain, deployment, status, error):
    with FaultyNode(chain) as node:
        async with await ChainReader.connect(node.url, deployment) as reader:
            node.status = status
            with pytest.raises(error):
                await reader.token(deployment.tokens.stake)


async def test_balance_and_allowance_follow_the_token(scene):
    stranger, creator = address_of("stranger"), address_of("creator")
    await scene.send("stranger", "mint", scene.calls.mint_test_token(scene.payment, stranger, 70))
    await scene.send("stranger", "approve", scene.calls.approve(scene.payment, creator, 30))
    await scene.send("stranger", "transfer", scene.calls.transfer(scene.payment, creator, 20))
    assert (
        await scene.reader.balance_of(scene.payment, stranger),
        await scene.reader.allowance(scene.payment, stranger, creator),
    ) == (50, 30)


async def test_native_balance_is_in_wei(scene):
    scene.chain.set_coins(address_of("stranger"), 12345)
    assert await scene.reader.native_balance(address_of("stranger")) == 12345
