"""One key, one transaction: asked for twice, at once, too cheaply, in vain, or on a chain that turns back."""

import asyncio

import pytest
from eth_utils import keccak
from faulty_node import FaultyNode
from market_scene import FAST, Scene, account, address_of
from rpc_server import RefusedRequestError

from tallystick.chain.inclusion import Timing
from tallystick.chain.journal import State
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import MAX_ATTEMPTS, REORG_BLOCKS, Sender
from tallystick.clock import ManualClock
from tallystick.errors import (
    ChainUnavailableError,
    InputError,
    InsufficientFundsError,
    RevertError,
    RpcRefusedError,
    TransactionLostError,
)
from tallystick.market.events import JobAssigned

pytestmark = pytest.mark.chain

STRANGER = address_of("stranger")


def mint(scene: Scene, amount: int = 1):
    return scene.calls.mint_test_token(scene.payment, STRANGER, amount)


async def minted(scene: Scene) -> int:
    return await scene.reader.balance_of(scene.payment, STRANGER)


def pool(chain):
    """Transactions of the stranger that wait in the node's pool, by nonce."""
    waiting = chain.request("txpool_content")["pending"]
    return next((held for address, held in waiting.items() if address.lower() == STRANGER.lower()), {})


async def until(condition, seconds=60.0):
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def start_sending(scene: Scene, clock: ManualClock) -> asyncio.Task:
    """Sends until a node has it and the sender has begun to wait; the chain includes nothing by itself."""
    scene.chain.set_automine(False)
    steps = []
    sender = scene.sender("stranger", clock=clock, on_step=lambda _, state: steps.append(state))
    sending = asyncio.create_task(sender.send("mint", mint(scene)))
    await until(lambda: State.BROADCAST in steps)
    return sending


@pytest.fixture
async def node(chain):
    with FaultyNode(chain) as running:
        yield running


@pytest.fixture
async def faulty(node, deployment, market_state, chain, tmp_path):
    """A scene that sees its chain through a faulty node."""
    async with await ChainReader.connect(node.url, deployment, timeout_seconds=2) as reader:
        made = Scene(chain, reader, deployment, tmp_path / "faulty", spec=market_state.spec)
        yield made
        made.close()


# ---- one key ----------------------------------------------------------------------------------------------------------


async def test_send_again_returns_the_same_receipt_and_sends_nothing(scene):
    first = await scene.send("stranger", "mint", mint(scene))
    second = await scene.send("stranger", "mint", mint(scene))
    assert (second, scene.chain.transaction_count(STRANGER)) == (first, 1)


async def test_send_again_by_a_later_process_returns_the_same_receipt_with_its_facts(scene):
    terms = scene.terms()
    await scene.send("creator", "create", scene.calls.create_job(terms))
    accept = scene.calls.accept(terms, address_of("operator"))
    first = await scene.send("agent", "accept", accept)
    scene.close()
    second = await scene.send("agent", "accept", accept)
    assert (second, [type(fact) for fact in second.facts]) == (first, [JobAssigned])


async def test_send_twice_at_once_sends_once(scene):
    receipts = await asyncio.gather(*(scene.send("stranger", "mint", mint(scene)) for _ in range(5)))
    assert (len({receipt.transaction_hash for receipt in receipts}), await minted(scene)) == (1, 1)


async def test_send_with_many_keys_at_once_gives_each_its_nonce(scene):
    receipts = await asyncio.gather(*(scene.send("stranger", str(key), mint(scene)) for key in range(8)))
    assert (len({receipt.transaction_hash for receipt in receipts}), await minted(scene)) == (8, 8)


async def test_send_with_a_used_key_and_another_call_is_refused(scene):
    await scene.send("stranger", "mint", mint(scene))
    with pytest.raises(InputError, match="stands for another call already: mint 1 units"):
        await scene.send("stranger", "mint", mint(scene, 2))
    assert await minted(scene) == 1


@pytest.mark.parametrize("key", ["", "k" * 201], ids=["empty", "long"])
async def test_send_with_no_key_is_refused(scene, key):
    with pytest.raises(InputError, match="1 to 200 characters"):
        await scene.send("stranger", key, mint(scene))


async def test_send_that_was_cancelled_goes_on_with_the_same_transaction(scene):
    scene.chain.set_automine(False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scene.send("stranger", "mint", mint(scene)), 0.3)
    scene.chain.set_automine(True)
    scene.chain.mine()
    await scene.send("stranger", "mint", mint(scene))
    assert await minted(scene) == 1


async def test_sender_on_a_chain_that_started_anew_refuses_the_old_journal(scene, new_chain, deployment):
    """Its nonces start over, so what the journal says of them is of another chain."""
    await scene.send("stranger", "mint", mint(scene))
    scene.close()
    other = new_chain(state=None)
    for address in deployment.contracts.model_dump().values():
        other.request("anvil_setCode", address, scene.chain.request("eth_getCode", address, "latest"))
    async with await ChainReader.connect(other.rpc_url, deployment) as reader:
        sender = Sender(reader, account("stranger"), scene.folder / "stranger.sqlite")
        with pytest.raises(InputError, match="belongs to a chain that started otherwise"):
            await sender.resume()
        sender.close()


# ---- refusals ---------------------------------------------------------------------------------------------------------


async def test_send_of_what_the_contract_refuses_sends_nothing_and_keeps_the_key_free(scene):
    deposit = scene.calls.deposit_stake(STRANGER, 5)
    stake = scene.deployment.tokens.stake
    with pytest.raises(RevertError, match="Approve the contract"):
        await scene.send("stranger", "deposit", deposit)
    await scene.send("stranger", "mint", scene.calls.mint_test_token(stake, STRANGER, 5))
    await scene.send("stranger", "approve", scene.calls.approve(stake, scene.deployment.contracts.stake_manager, 5))
    receipt = await scene.send("stranger", "deposit", deposit)
    assert (receipt.status, scene.chain.transaction_count(STRANGER)) == (True, 3)


async def race(scene):
    """Creator and agent both act on an open job, each fine by itself; one block decides."""
    terms = scene.terms()
    await scene.send("creator", "create", scene.calls.create_job(terms))
    scene.chain.set_automine(False)
    both = asyncio.gather(
        scene.send("creator", "cancel", scene.calls.cancel(terms)),
        scene.send("agent", "accept", scene.calls.accept(terms, address_of("operator"))),
        return_exceptions=True,
    )
    await until(lambda: int(scene.chain.request("txpool_status")["pending"], 16) == 2)
    scene.chain.set_automine(True)
    scene.chain.mine()
    return terms, await both


async def test_send_that_is_mined_in_vain_says_why_in_the_contracts_own_words(scene):
    _, outcomes = await race(scene)
    [failed] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(failed, RevertError)
    assert (failed.name, "was mined in vain" in str(failed)) == ("JobEscrow_WrongStatus", True)


async def test_send_again_after_failing_on_chain_tells_the_same_and_sends_nothing(scene):
    terms, outcomes = await race(scene)
    name = ("creator", "agent")[next(place for place, held in enumerate(outcomes) if isinstance(held, Exception))]
    key, call = {
        "creator": ("cancel", scene.calls.cancel(terms)),
        "agent": ("accept", scene.calls.accept(terms, address_of("operator"))),
    }[name]
    count = scene.chain.transaction_count(address_of(name))
    scene.close()
    with pytest.raises(RevertError) as caught:
        await scene.send(name, key, call)
    assert (caught.value.name, scene.chain.transaction_count(address_of(name))) == ("JobEscrow_WrongStatus", count)


async def test_forget_frees_the_key_of_a_failure_and_of_nothing_else(scene):
    _, outcomes = await race(scene)
    name, key = ("creator", "cancel") if isinstance(outcomes[0], Exception) else ("agent", "accept")
    scene.sender(name).forget(key)
    winner, used = ("agent", "accept") if name == "creator" else ("creator", "cancel")
    with pytest.raises(InputError, match="is mined, so its key cannot be freed"):
        scene.sender(winner).forget(used)
    replayed = await scene.send(name, key, mint(scene))
    assert replayed.status


# ---- inclusion --------------------------------------------------------------------------------------------------------


async def test_send_waits_for_the_confirmations_it_was_told(scene):
    sender = scene.sender("stranger", confirmations=3)
    sending = asyncio.create_task(sender.send("mint", mint(scene)))
    await until(lambda: scene.chain.transaction_count(STRANGER) == 1)
    scene.chain.mine()
    await asyncio.sleep(0.2)
    early = sending.done()
    scene.chain.mine()
    receipt = await sending
    assert (early, scene.chain.head() - receipt.block_number) == (False, 2)


async def test_send_that_nobody_includes_raises_its_fees_and_keeps_its_nonce(scene):
    clock = ManualClock()
    sending = await start_sending(scene, clock)
    first = pool(scene.chain)["0"]
    clock.advance(30)
    await until(lambda: pool(scene.chain)["0"]["hash"] != first["hash"])
    second = pool(scene.chain)["0"]
    scene.chain.mine()
    receipt = await sending
    fees = [int(held["maxFeePerGas"], 16) for held in (first, second)]
    assert (receipt.transaction_hash, fees[1] * 8 >= fees[0] * 9) == (second["hash"], True)
    assert (scene.chain.transaction_count(STRANGER), await minted(scene)) == (1, 1)


async def test_send_whose_first_attempt_wins_after_all_takes_its_receipt(scene):
    """A miner may include the cheaper one although the dearer was offered."""
    clock = ManualClock()
    sending = await start_sending(scene, clock)
    first = pool(scene.chain)["0"]
    raw = scene.chain.request("eth_getRawTransactionByHash", first["hash"])
    clock.advance(30)
    await until(lambda: pool(scene.chain)["0"]["hash"] != first["hash"])
    scene.chain.request("anvil_dropTransaction", pool(scene.chain)["0"]["hash"])
    scene.chain.request("eth_sendRawTransaction", raw)
    scene.chain.mine()
    assert (await sending).transaction_hash == first["hash"]


async def test_send_that_the_node_forgot_offers_the_same_bytes_again(scene):
    clock = ManualClock()
    sending = await start_sending(scene, clock)
    first = pool(scene.chain)["0"]["hash"]
    scene.chain.request("anvil_dropTransaction", first)
    clock.advance(30)
    await until(lambda: pool(scene.chain))
    scene.chain.mine()
    assert (await sending).transaction_hash == first


async def lose(scene):
    """Another program uses the same account: its transaction takes the nonce of ours."""
    scene.chain.set_automine(False)
    sending = asyncio.create_task(scene.send("stranger", "mint", mint(scene)))
    await until(lambda: pool(scene.chain))
    scene.chain.request("anvil_dropTransaction", pool(scene.chain)["0"]["hash"])
    scene.chain.request("eth_sendTransaction", {"from": STRANGER, "to": STRANGER, "nonce": "0x0"})
    scene.chain.mine()
    scene.chain.set_automine(True)
    return sending


async def test_send_whose_nonce_was_used_by_another_is_lost(scene):
    with pytest.raises(TransactionLostError, match=r"nonce 0 of .* was used by another"):
        await (await lose(scene))
    assert await minted(scene) == 0


async def test_send_again_after_a_loss_tells_the_same_until_the_key_is_forgotten(scene):
    with pytest.raises(TransactionLostError):
        await (await lose(scene))
    with pytest.raises(TransactionLostError):
        await scene.send("stranger", "mint", mint(scene))
    scene.sender("stranger").forget("mint")
    receipt = await scene.send("stranger", "mint", mint(scene))
    assert (receipt.status, await minted(scene)) == (True, 1)


# ---- a chain that turns back ------------------------------------------------------------------------------------------


async def test_send_again_after_a_reorganisation_puts_the_same_transaction_back(scene):
    first = await scene.send("stranger", "mint", mint(scene))
    scene.chain.reorganise(1)
    gone = await minted(scene)
    second = await scene.send("stranger", "mint", mint(scene))
    assert (gone, await minted(scene)) == (0, 1)
    assert (second.transaction_hash, second.block_hash != first.block_hash) == (first.transaction_hash, True)


async def test_resume_after_a_reorganisation_puts_everything_back(scene):
    for key in "abc":
        await scene.send("stranger", key, mint(scene))
    scene.chain.reorganise(2)
    receipts = await scene.sender("stranger").resume()
    assert (await minted(scene), [receipt.key for receipt in receipts]) == (3, ["b", "c"])


async def test_send_with_another_key_after_a_reorganisation_fills_the_hole_first(scene):
    for key in "ab":
        await scene.send("stranger", key, mint(scene))
    scene.chain.reorganise(2)
    await scene.send("stranger", "c", mint(scene))
    assert (scene.chain.transaction_count(STRANGER), await minted(scene)) == (3, 3)


async def test_send_of_the_later_one_again_after_a_reorganisation_fills_the_hole_before_it(scene):
    for key in "ab":
        await scene.send("stranger", key, mint(scene))
    scene.chain.reorganise(2)
    receipt = await scene.send("stranger", "b", mint(scene))
    assert (receipt.status, scene.chain.transaction_count(STRANGER), await minted(scene)) == (True, 2, 2)


async def test_send_again_when_it_was_undone_long_ago_puts_it_back(scene):
    await scene.send("stranger", "mint", mint(scene))
    scene.chain.reorganise(1)
    scene.chain.mine(REORG_BLOCKS + 1)
    gone = await minted(scene)
    await scene.send("stranger", "mint", mint(scene))
    assert (gone, await minted(scene)) == (0, 1)


async def test_send_that_is_undone_while_it_waits_for_confirmations_is_offered_again(faulty, node):
    sender = faulty.sender("stranger", confirmations=4)
    sending = asyncio.create_task(sender.send("mint", mint(faulty)))
    await until(lambda: faulty.chain.transaction_count(STRANGER) == 1)
    looks = node.count("eth_getTransactionReceipt")
    await until(lambda: node.count("eth_getTransactionReceipt") >= looks + 2)  # it was seen mined
    faulty.chain.reorganise(1)
    await until(lambda: faulty.chain.transaction_count(STRANGER) == 1)
    faulty.chain.mine(3)
    receipt = await sending
    assert (receipt.status, await minted(faulty)) == (True, 1)


# ---- a node in trouble ------------------------------------------------------------------------------------------------


async def test_send_through_a_node_that_wants_more_raises_fees_at_once(faulty, node):
    node.refuse_once("eth_sendRawTransaction", "transaction underpriced")
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (receipt.status, node.count("eth_sendRawTransaction"), await minted(faulty)) == (True, 2, 1)


async def test_send_that_cannot_pay_for_higher_fees_keeps_offering_the_lower(faulty, node):
    clock = ManualClock()
    sending = await start_sending(faulty, clock)
    first = pool(faulty.chain)["0"]["hash"]

    def take_the_first_alone(params):
        if keccak(hexstr=params[0]).hex() != first[2:]:
            raise RefusedRequestError("insufficient funds for gas * price + value")
        return node.HAND_ON

    node.rules["eth_sendRawTransaction"] = take_the_first_alone
    clock.advance(30)
    await until(lambda: node.count("eth_sendRawTransaction") == 2)  # the dearer one was refused
    faulty.chain.request("anvil_dropTransaction", first)
    clock.advance(30)
    await until(lambda: pool(faulty.chain))
    faulty.chain.mine()
    assert (await sending).transaction_hash == first


async def test_send_through_a_node_that_never_has_enough_stops_bidding(faulty, node):
    def refuse(_params):
        raise RefusedRequestError("transaction underpriced")

    node.rules["eth_sendRawTransaction"] = refuse
    with pytest.raises(RpcRefusedError, match="underpriced"):
        await faulty.send("stranger", "mint", mint(faulty))
    offers = node.count("eth_sendRawTransaction")
    node.rules = {}
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (offers, receipt.status, await minted(faulty)) == (MAX_ATTEMPTS, True, 1)


async def test_send_refused_for_funds_at_the_last_moment_frees_key_and_nonce(faulty, node):
    node.refuse_once("eth_sendRawTransaction", "insufficient funds for gas * price + value")
    with pytest.raises(InsufficientFundsError):
        await faulty.send("stranger", "mint", mint(faulty))
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (receipt.status, faulty.chain.transaction_count(STRANGER)) == (True, 1)


async def test_send_refused_for_an_unknown_reason_is_kept_and_offered_again(faulty, node):
    node.refuse_once("eth_sendRawTransaction", "database is busy")
    with pytest.raises(RpcRefusedError, match="is kept under 'mint'"):
        await faulty.send("stranger", "mint", mint(faulty))
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (receipt.status, await minted(faulty)) == (True, 1)


async def test_send_through_a_node_that_took_it_but_did_not_say_so_sends_once(faulty, node):
    def take_and_fall_silent(params):
        node._forward("eth_sendRawTransaction", params)
        node.status = 503
        return node.HAND_ON

    node.rules["eth_sendRawTransaction"] = take_and_fall_silent
    with pytest.raises(ChainUnavailableError):
        await faulty.send("stranger", "mint", mint(faulty))
    node.status, node.rules = 200, {}
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (receipt.status, faulty.chain.transaction_count(STRANGER), await minted(faulty)) == (True, 1, 1)


async def test_send_while_the_node_is_down_for_a_moment_waits(faulty, node):
    faulty.chain.set_automine(False)
    sending = asyncio.create_task(faulty.send("stranger", "mint", mint(faulty)))
    await until(lambda: pool(faulty.chain))
    node.status = 503
    await asyncio.sleep(0.1)
    node.status = 200
    faulty.chain.mine()
    assert (await sending).status


async def test_send_while_the_node_stays_down_says_so_and_goes_on_later(faulty, node):
    faulty.chain.set_automine(False)
    sender = faulty.sender("stranger", timing=Timing(poll_seconds=FAST.poll_seconds, down_polls=3))
    sending = asyncio.create_task(sender.send("mint", mint(faulty)))
    await until(lambda: pool(faulty.chain))
    node.status = 503
    with pytest.raises(ChainUnavailableError, match="HTTP 503"):
        await sending
    node.status = 200
    faulty.chain.mine()
    assert (await sender.send("mint", mint(faulty))).status


async def test_send_through_nodes_that_lag_takes_no_transaction_for_lost(faulty, node):
    """One node has counted the transaction, the other does not have its receipt yet."""
    hidden = iter(range(3))

    def lag(_params):
        return None if next(hidden, None) is not None else node.HAND_ON

    node.rules["eth_getTransactionReceipt"] = lag
    receipt = await faulty.send("stranger", "mint", mint(faulty))
    assert (receipt.status, faulty.chain.transaction_count(STRANGER)) == (True, 1)
