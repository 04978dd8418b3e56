"""Which claim is looked at first, and that no look can stop the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from challenger_samples import JUDGE, NOW, OPERATOR, quietly, sample_terms

from challenger.cases import Case, Found, Review
from challenger.checker import Subject
from challenger.docket import Docket
from challenger.follower import Follower
from challenger.journal import Journal
from challenger.pursuit import Plan, Pursuit
from challenger.strategy import CommitWhen, Policy
from challenger.watcher import Watcher
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.clock import ManualClock
from tallystick.errors import ChainUnavailableError
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Bytes32, JobId
from tallystick.market.claims import ModelSpec
from tallystick.market.events import (
    ChainFact,
    JobAssigned,
    JobCreated,
    LogPosition,
    MilestoneClaimed,
    OptimisticClaimed,
)
from tallystick.market.parameters import Economy
from tallystick.market.terms import ProofKind
from tallystick.service.patience import Patience

WORD = Bytes32("0x" + "66" * 32)
ECONOMY = Economy(
    late_slash_bps=1,
    late_finder_bps=1,
    late_creator_bps=1,
    late_bounty_bps=1,
    fault_challenger_bps=4_000,
    fault_creator_bps=1,
    fault_bounty_bps=1,
    release_bps=1,
)


def job_number(number: int) -> JobId:
    return JobId(f"0x{number:064x}")


def claimed_job(number: int, *, lock: int, window: int) -> list[ChainFact]:
    """A job with a claim that is made at block 3."""
    job_id, transaction = job_number(number), Bytes32(f"0x{number:064x}")

    def at(block: int, index: int) -> LogPosition:
        return LogPosition(
            block_number=block,
            block_hash=WORD,
            block_time=NOW + block,
            transaction_hash=transaction,
            log_index=10 * number + index,
        )

    terms = sample_terms(WORD, stake_lock=lock, challenge_seconds=window)
    return [
        JobCreated(at=at(1, 0), job_id=job_id, creator=ZERO_ADDRESS, opened_at=NOW, economy_version=1, terms=terms),
        JobAssigned(at=at(2, 0), job_id=job_id, operator=OPERATOR, agent=OPERATOR, round=1, price=1, deadline=NOW + 9),
        OptimisticClaimed(at=at(3, 0), job_id=job_id, milestone=0, input_root=WORD, trace_root=WORD),
        MilestoneClaimed(
            at=at(3, 1),
            job_id=job_id,
            milestone=0,
            operator=OPERATOR,
            output_root=WORD,
            manifest=WORD,
            next_deadline=0,
        ),
    ]


class Script:
    """A scanner that finds everything at once, and then nothing."""

    def __init__(self, facts: list[ChainFact]) -> None:
        self._facts = tuple(facts)

    async def poll(self) -> ScanStep:
        facts, self._facts = self._facts, ()
        return ScanStep(None, facts, BlockHead(9, WORD, NOW + 9), Cursor(((9, WORD),)))


class Chain:
    """What a look asks of a chain."""

    async def model_spec(self, _: Any) -> ModelSpec:
        return ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=1,
            adapter=JUDGE,
            program_id=WORD,
            weights_root=ZERO_BYTES32,
            manifest=WORD,
        )

    async def economy_of(self, _: int) -> Economy:
        return ECONOMY

    @property
    def rpc(self) -> Chain:
        return self

    async def request(self, method: str, *_: Any) -> Any:
        return {"baseFeePerGas": "0x1"} if method == "eth_getBlockByNumber" else "0x1"


@dataclass
class Checker:
    """Agrees with every claim, and remembers the order; `breaks`: what it raises for a job."""

    seconds: int = 1
    breaks: dict[JobId, Exception] = field(default_factory=dict)
    looked: list[int] = field(default_factory=list)

    def seconds_of(self, _: Bytes32) -> float:
        return float(self.seconds)

    def look(self, subject: Subject, _: Any) -> Review:
        self.looked.append(int(subject.job.job_id, 16))
        if subject.job.job_id in self.breaks:
            raise self.breaks[subject.job.job_id]
        return Review(Found.AGREES, "right", subject.now)

    def forget(self, _: str) -> None:
        pass


def watcher_of(
    facts: list[ChainFact], checker: Checker, told: list[Case] | None = None, sample: int = 10_000
) -> Watcher:
    journal = Journal.in_memory(ManualClock())
    policy = Policy(None, 0, 0, CommitWhen.NEVER, sample, 2)
    chain: Any = Chain()
    follower = Follower(Script(facts), journal)
    parts: dict[str, Any] = {"chain": chain, "follower": follower, "journal": journal, "checker": checker}
    pursuit = Pursuit(**parts, hands=None, policy=policy, account=None, progress=quietly)  # type: ignore[arg-type]

    def tell(case: Case, _: Plan, __: str) -> None:
        if told is not None:
            told.append(case)

    return Watcher(
        follower=follower,
        journal=journal,
        docket=Docket(**parts, pursuit=pursuit, policy=policy, progress=quietly),
        pursuit=pursuit,
        account=None,
        chain_link=Patience("chain", (ChainUnavailableError,), journal),
        sends=False,
        tell=tell,
    )


async def test_watcher_given_time_for_all_looks_by_deadline() -> None:
    facts = [
        *claimed_job(1, lock=9, window=900),
        *claimed_job(2, lock=1, window=100),
        *claimed_job(3, lock=5, window=500),
    ]
    checker = Checker()
    await watcher_of(facts, checker).run_once(0.01)
    assert checker.looked == [2, 3, 1]


async def test_watcher_given_time_for_one_looks_at_the_one_with_most_at_stake_first() -> None:
    facts = [
        *claimed_job(1, lock=1, window=100),
        *claimed_job(2, lock=9, window=110),
        *claimed_job(3, lock=5, window=90),
    ]
    checker = Checker(seconds=80)
    watcher = watcher_of(facts, checker)
    # What a look takes is known once the first claim of the model was looked at.
    await watcher._docket.spec(sample_terms(WORD).model_id)
    await watcher.run_once(0.01)
    assert checker.looked == [2, 3, 1]


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), ChainUnavailableError("nothing to be had")])
async def test_watcher_given_a_look_that_breaks_looks_at_the_others(error: Exception) -> None:
    facts = [*claimed_job(1, lock=9, window=100), *claimed_job(2, lock=1, window=900)]
    checker = Checker(breaks={job_number(1): error})
    told: list[Case] = []
    await watcher_of(facts, checker, told).run_once(0.01)
    assert checker.looked == [1, 2]
    assert [case.job_id for case in told] == [job_number(2)]


async def test_watcher_given_a_sample_looks_at_about_so_many() -> None:
    facts = [fact for number in range(1, 61) for fact in claimed_job(number, lock=1, window=900)]
    checker = Checker()
    told: list[Case] = []
    await watcher_of(facts, checker, told, sample=5_000).run_once(0.01)
    assert len(told) == 60
    assert 10 < len(checker.looked) < 50
