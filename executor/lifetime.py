"""Starts an agent, keeps it running, and closes everything in the right order.

home/journal.sqlite3            what must not be forgotten
home/transactions.sqlite3       the sender's
home/prover/                    keys, measured times
home/jobs/<job id>/artifacts/   copies of what the job needs, by content; its SRS beside them
home/jobs/<job id>/<m>.proof    finished proofs
home/jobs/<job id>/<m>.trace    finished traces, which demands are answered from
home/backends.json              self-tests of the engine's backends
home/run_times.json             measured runs of programs
home/orders/                    orders that wait to be taken, and what became of them
home/lock
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from executor.acceptance import LOCAL_CHAINS
from executor.app import CHAIN_AWAY, AgentParts
from executor.journal import FILE_NAME, Journal
from executor.optimistic.faults import parse_fault
from executor.settings import Settings
from tallystick.chain.deployment import load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.clock import SystemClock
from tallystick.logs import get_logger
from tallystick.market.terms import ProofKind
from tallystick.service.home import home_lock
from tallystick.service.patience import Patience
from tallystick.service.threads import in_thread
from tallystick.wire.dispatcher_client import DispatcherClient

log = get_logger(__name__)


@asynccontextmanager
async def assembled_agent(settings: Settings, ask: Ask | None = None) -> AsyncIterator[AgentParts]:
    """An agent with everything opened, connected and checked, ready for `run_agent`.

    Raises:
        InputError: a setting, the deployment record, a key or the home folder cannot be used.
        HomeInUseError: another process works in the home folder.
        WrongChainError, NotDeployedError: the chain is not the deployment's. One that does not answer is waited for.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(home_lock(settings.home))
        deployment = load_deployment(settings.deployment)
        misbehaviour = parse_fault(settings.fault, deployment.chain_id) if settings.fault else None
        account = load_account(settings.keystore, settings.password_file, ask)
        domain = deployment.domain()
        identity = (
            f"chain {domain.chain_id}, escrow {domain.escrow}, operator {settings.operator}, agent {account.address}"
        )
        journal = Journal.open(settings.home / FILE_NAME, SystemClock(), identity=identity)
        stack.callback(journal.close)
        chain_link = Patience("chain", CHAIN_AWAY, journal)
        reader = await chain_link.until_answered(
            lambda: ChainReader.connect(settings.rpc, deployment, settings.rpc_timeout_seconds)
        )
        stack.push_async_callback(reader.close)
        sender = Sender(reader, account, settings.home / "transactions.sqlite3", confirmations=settings.confirmations)
        stack.callback(sender.close)
        dispatcher = DispatcherClient(settings.dispatcher) if settings.dispatcher else None
        if dispatcher is not None:
            stack.push_async_callback(dispatcher.close)
        parts = AgentParts(
            settings=settings,
            account=account,
            journal=journal,
            chain_link=chain_link,
            reader=reader,
            sender=sender,
            dispatcher=dispatcher,
            misbehaviour=misbehaviour,
        )
        await _check(parts)
        yield parts


async def _check(parts: AgentParts) -> None:
    """What would make every acceptance fail is said at once; it may be put right while the agent runs."""
    operator, agent = parts.settings.operator, parts.address
    if not await parts.chain_link.until_answered(lambda: parts.reader.is_agent(operator, agent)):
        remedy = f"tallystick executor stake --agent {agent}, with the operator's key"
        log.warning("agent_unappointed", operator=operator, agent=agent, remedy=remedy)
    if parts.misbehaviour is not None:
        log.error("fault_on_purpose", fault=parts.misbehaviour.spec, remedy="Stake will be slashed. Leave --fault out.")
    await _settle_backend(parts)
    if not await parts.chain_link.until_answered(lambda: parts.reader.native_balance(agent)):
        log.warning("gas_missing", agent=agent, remedy="Send the agent some of the chain's native coin.")


async def _settle_backend(parts: AgentParts) -> None:
    """Self-tests take minutes once for a machine. On a development chain `auto` does without, and takes the reference."""
    if ProofKind.OPTIMISTIC not in parts.settings.proof_kinds or parts.engine.is_settled:
        return
    if parts.settings.backend == "auto" and parts.deployment.chain_id in LOCAL_CHAINS:
        return
    await in_thread(parts.engine.settle, "self-test")


def describe(parts: AgentParts) -> dict[str, Any]:
    """Who this is and what it can do, for the line that says it is ready."""
    return {
        "operator": parts.settings.operator,
        "agent": parts.address,
        "chain_id": parts.deployment.chain_id,
        "home": str(parts.settings.home),
        "capability": parts.capability.model_dump(mode="json"),
    }


async def run_agent(parts: AgentParts) -> None:
    """Until cancelled. Settles first what an earlier process left in flight."""
    parts.methods.forget_all_but([work.job_id for work in parts.works.values() if not work.is_over])
    for receipt in await parts.sending.until_answered(parts.sender.resume):
        log.info("transaction_settled", key=receipt.key, block=receipt.block_number)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.agent.run())
        tasks.create_task(parts.order_taker.run())
        if parts.defender is not None:
            tasks.create_task(parts.defender.run())
        if parts.link is not None:
            tasks.create_task(parts.link.announce_for_ever())
            tasks.create_task(parts.link.listen_for_ever())
