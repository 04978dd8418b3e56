"""Stuck jobs are led on by whoever cares; here by a keeper with a funded key. The sender stands at its own seam."""

from __future__ import annotations

from dispatcher_builders import DOMAIN, NOW, Chain, address, hash_of, open_job, terms, with_changes

from dispatcher.scheduling.keeper import MOST_AT_ONCE, RETRY_SECONDS, CallSender, Keeper
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Contracts, Deployment, Tokens
from tallystick.chain.receipts import Receipt
from tallystick.clock import ManualClock
from tallystick.errors import RevertError
from tallystick.ids import JobId
from tallystick.market.book import Job, fold
from tallystick.market.terms import JobStatus, ProofKind, job_id_of

JOB_ID = job_id_of(terms(), DOMAIN)
ASSIGNED = fold([Chain().created(0), Chain().assigned(0, JOB_ID)])[JOB_ID]
OPTIMISTIC = terms(proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=100)
CLAIMED_ID = job_id_of(OPTIMISTIC, DOMAIN)
CLAIMED = fold(
    [Chain().created(0, OPTIMISTIC), Chain().assigned(0, CLAIMED_ID), Chain().claimed(10, CLAIMED_ID)],
)[CLAIMED_ID]
"""Milestone 0 claimed at NOW + 10; the window is 100 s."""
DEPLOYMENT = Deployment(
    chain_id=31337,
    block=0,
    contracts=Contracts(
        **{name: address("escrow" if name == "job_escrow" else name) for name in Contracts.model_fields}
    ),
    tokens=Tokens(stake=address("stake token")),
)


class Sent:
    def __init__(self) -> None:
        self.calls: list[tuple[str, Call]] = []
        self.refuses = False

    async def send(self, key: str, call: Call) -> Receipt:
        self.calls.append((key, call))
        if self.refuses:
            raise RevertError("The deadline has not passed.", name="JobEscrow_DeadlineNotPassed", arguments={})
        return Receipt(
            key=key,
            transaction_hash=hash_of("transaction"),
            block_number=1,
            block_hash=hash_of("block"),
            gas_used=1,
            effective_gas_price=1,
            status=True,
            facts=(),
        )


class Room:
    def __init__(self, *jobs: Job, now: int, funded: bool = True) -> None:
        self.sent = Sent()
        self.clock = ManualClock(now)
        self.live: dict[JobId, Job] = {job.job_id: job for job in jobs}

        async def open_sender() -> CallSender:
            return self.sent

        self.keeper = Keeper(
            live=self.live,
            calls=MarketCalls(DEPLOYMENT),
            clock=self.clock,
            open_sender=open_sender if funded else None,
        )

    def descriptions(self) -> list[str]:
        return [call.description.split()[0] for _, call in self.sent.calls]


async def test_sweep_given_a_missed_deadline_calls_expire() -> None:
    room = Room(ASSIGNED, now=NOW + 301)

    await room.keeper.sweep()

    assert room.descriptions() == ["expire"]


async def test_sweep_at_the_deadline_itself_calls_nothing() -> None:
    room = Room(ASSIGNED, now=NOW + 300)

    await room.keeper.sweep()

    assert room.descriptions() == []


async def test_sweep_given_an_open_job_past_its_window_calls_refund() -> None:
    room = Room(open_job(), now=NOW + 601)

    await room.keeper.sweep()

    assert room.descriptions() == ["refund"]


async def test_sweep_given_an_open_job_within_its_window_calls_nothing() -> None:
    room = Room(open_job(), now=NOW + 600)

    await room.keeper.sweep()

    assert room.descriptions() == []


async def test_sweep_given_a_claim_past_its_window_calls_finalize() -> None:
    room = Room(CLAIMED, now=NOW + 111)

    await room.keeper.sweep()

    assert room.descriptions() == ["pay"]


async def test_sweep_in_the_last_second_of_a_window_calls_nothing() -> None:
    room = Room(CLAIMED, now=NOW + 110)

    await room.keeper.sweep()

    assert room.descriptions() == []


async def test_sweep_given_a_missed_deadline_behind_a_claim_in_its_window_does_not_call_expire() -> None:
    room = Room(with_changes(CLAIMED, deadline=NOW + 50), now=NOW + 60)

    await room.keeper.sweep()

    assert room.descriptions() == []


async def test_sweep_without_a_funded_key_calls_nothing() -> None:
    room = Room(ASSIGNED, now=NOW + 301, funded=False)

    await room.keeper.sweep()

    assert room.descriptions() == []


async def test_sweep_right_after_a_refusal_does_not_insist() -> None:
    room = Room(ASSIGNED, now=NOW + 301)
    room.sent.refuses = True
    await room.keeper.sweep()

    await room.keeper.sweep()

    assert len(room.sent.calls) == 1


async def test_sweep_some_time_after_a_refusal_tries_again_under_the_same_key() -> None:
    room = Room(ASSIGNED, now=NOW + 301)
    room.sent.refuses = True
    await room.keeper.sweep()
    room.clock.advance(RETRY_SECONDS)

    await room.keeper.sweep()

    [first, second] = [key for key, _ in room.sent.calls]
    assert first == second


async def test_sweep_given_the_next_round_stuck_as_well_uses_another_key() -> None:
    room = Room(ASSIGNED, now=NOW + 301)
    await room.keeper.sweep()
    room.live[JOB_ID] = with_changes(ASSIGNED, round=2, status=JobStatus.ASSIGNED, deadline=NOW + 900)
    room.clock.advance(700)

    await room.keeper.sweep()

    assert len({key for key, _ in room.sent.calls}) == 2


# ---- several at once --------------------------------------------------------------------------------------------------


def claimed_job(salt: int) -> Job:
    """As CLAIMED."""
    held = terms(proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=100, salt=salt)
    job_id = job_id_of(held, DOMAIN)
    return fold([Chain().created(0, held), Chain().assigned(0, job_id), Chain().claimed(10, job_id)])[job_id]


async def test_sweep_given_several_final_jobs_pays_them_in_one_transaction() -> None:
    room = Room(*(claimed_job(salt) for salt in range(3)), now=NOW + 111)

    await room.keeper.sweep()

    [(_, call)] = room.sent.calls
    assert call.description == "pay what is final of 3 jobs"


async def test_sweep_given_more_jobs_than_a_block_holds_takes_several_transactions() -> None:
    room = Room(*(claimed_job(salt) for salt in range(MOST_AT_ONCE + 1)), now=NOW + 111)

    await room.keeper.sweep()

    assert [call.description.partition(" of ")[2].split()[0] for _, call in room.sent.calls] == ["8", "job"]


async def test_sweep_given_late_and_final_jobs_makes_a_call_for_each_kind() -> None:
    room = Room(
        claimed_job(1), claimed_job(2), ASSIGNED, with_changes(ASSIGNED, job_id=JobId("0x" + "22" * 32)), now=NOW + 301
    )

    await room.keeper.sweep()

    assert sorted(room.descriptions()) == ["expire", "pay"]


async def test_sweep_given_two_open_jobs_past_their_windows_refunds_each() -> None:
    room = Room(open_job(), open_job(salt=2), now=NOW + 601)

    await room.keeper.sweep()

    assert room.descriptions() == ["refund", "refund"]


async def test_sweep_after_a_refusal_of_several_tries_the_same_again_under_the_same_key() -> None:
    room = Room(claimed_job(1), claimed_job(2), now=NOW + 111)
    room.sent.refuses = True
    await room.keeper.sweep()
    room.clock.advance(RETRY_SECONDS)

    await room.keeper.sweep()

    assert len({key for key, _ in room.sent.calls}) == 1
    assert len(room.sent.calls) == 2
