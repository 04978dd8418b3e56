"""What people do in a walk, what they may and what they may not: each act is one transaction.

An act that cannot even be tried now is none.
"""

from __future__ import annotations

from typing import Any

from brownie import accounts
from order_stage import BY_ALLOWANCE, BY_PERMIT, BY_PERMIT2, OTHER_KEY, Order, encoded
from scene import PLENTY, Act, Scene
from stage import (
    CHAINED,
    MIN_LOCK,
    NO_ASSIGNMENT,
    OPEN,
    OPTIMISTIC,
    TALLY,
    ZK,
    word,
)


class Creators(Scene):
    """They offer work, by a transaction or a signature, and take it back."""

    def _offer(self) -> dict[str, Any]:
        """Any valid terms, by what differs from the stage's usual ones."""
        stage, pick = self.stage, self.random
        count = pick.choice([1, 2, 3, 5])
        cuts = sorted(pick.sample(range(1, 10_000), count - 1))
        price = pick.randrange(1, 10**9)
        traced = pick.random() < 0.5
        dispatched = pick.random() < 0.5
        return {
            "salt": len(self.reader.jobs),
            "proofKind": OPTIMISTIC if traced else ZK,
            "modelId": stage.traced if traced else stage.model,
            "challengeSeconds": pick.choice([60, 300]) if traced else 0,
            "mode": pick.choice([0, CHAINED]),
            "minPrice": pick.randrange(price + 1),
            "maxPrice": price,
            "rampSeconds": pick.choice([0, 50, 1_000]),
            "stakeLock": TALLY + pick.randrange(20 * TALLY),
            "acceptSeconds": pick.choice([300, 3_000]),
            "dispatcher": stage.dispatcher.address if dispatched else "0x" + "00" * 20,
            "exclusiveSeconds": 200 if dispatched else 0,
            "dispatcherFeeBps": 250 if dispatched else 0,
            "shareBps": [b - a for a, b in zip([0, *cuts], [*cuts, 10_000], strict=True)],
            "durationSeconds": [pick.choice([60, 600]) for _ in range(count)],
            "paymentToken": pick.choice([stage.payment, stage.payment, stage.stake]).address,
        }

    def create(self) -> Act:
        terms = self.stage.terms(**self._offer())
        self.remember(terms)
        return self.stage.escrow.createJob, (terms.abi(),), self.stage.creator

    def _signed(self, order: Order) -> tuple[Any, ...]:
        """The order with one of the three ways to pay for it."""
        funding = self.random.choice([BY_ALLOWANCE, BY_PERMIT, BY_PERMIT2])
        if funding == BY_PERMIT2:
            return self.orders.signed(order, funding, self.orders.permit2(order))
        token = self.stage.payment if order.terms["paymentToken"] == self.stage.payment.address else self.stage.stake
        if funding == BY_ALLOWANCE:
            # Anew each time: an order that was paid by permit has left an allowance of nothing.
            token.approve(self.stage.escrow, PLENTY, {"from": accounts.at(self.orders.creator, force=True)})
            return self.orders.signed(order)
        permit = encoded(self.orders.permit(token, order.terms["maxPrice"]))
        return self.orders.signed(order, funding, permit=permit)

    def _order(self, **changed: Any) -> Order:
        order = self.orders.order(**{"nonce": self.nonces, **self._offer(), **changed})
        self.nonces += 1
        return order

    def post_order(self) -> Act:
        order = self._order()
        self.remember(order.terms)
        return self.stage.escrow.postOrder, (self._signed(order),), self.stage.stranger

    def accept_order(self) -> Act | None:
        """An executor takes an order straight from its creator."""
        order = self._order(dispatcher="0x" + "00" * 20, exclusiveSeconds=0, dispatcherFeeBps=0)
        operator = self.one_with(self.books.free, order.terms["stakeLock"])
        if operator is None:
            return None
        self.remember(order.terms)
        call = (self._signed(order), operator, NO_ASSIGNMENT, b"")
        return self.stage.escrow.acceptOrder, call, self.mostly(operator)

    def forge_order(self) -> Act:
        """An order that its creator did not sign, or not like this, or no longer stands by."""
        now, signed = self.stage.now(), self.orders.signed
        order = self._order()
        forgeries = {
            "other hand": signed(order, signature=self.orders.sign(order, key=OTHER_KEY)),
            "other price": signed(order.with_terms(minPrice=0), signature=self.orders.sign(order)),
            "other chain": signed(order, signature=self.orders.sign(order, chain_id=1)),
            "other funding": signed(order, BY_PERMIT2),
            "over": signed(self.orders.order(nonce=order.nonce, starts_at=now - 100, expires_at=now - 1)),
            "not begun": signed(self.orders.order(nonce=order.nonce, starts_at=now + 10_000)),
        }
        if self.void_nonces:
            forgeries["void"] = signed(self.orders.order(nonce=self.random.choice(self.void_nonces), **self._offer()))
        forged = forgeries[self.random.choice(sorted(forgeries))]
        return self.stage.escrow.postOrder, (forged,), self.stage.stranger

    def cancel_orders(self) -> Act:
        self.void_nonces.append(self.nonces)
        word_, bit = divmod(self.nonces, 256)
        self.nonces += 1
        return self.stage.escrow.cancelOrders, (word_, 1 << bit), accounts.at(self.orders.creator, force=True)

    def cancel(self) -> Act | None:
        job_id = self.some(self.in_status(OPEN))
        if job_id is None:
            return None
        terms = self.terms(job_id)
        creator = accounts.at(terms["creator"], force=True)
        return self.stage.escrow.cancel, (terms.abi(),), self.mostly(creator)


class Operators(Scene):
    """They come with stake, work, and go."""

    def deposit(self) -> Act:
        operator = self.random.choice(self.operators)
        return self.stage.stakes.deposit, (operator, self.random.randrange(1, 60 * TALLY)), operator

    def request_unbond(self) -> Act:
        """Anything up to everything, locked or not."""
        amount = self.random.randrange(1, 60 * TALLY)
        return self.stage.stakes.requestUnbond, (amount,), self.random.choice(self.operators)

    def cancel_unbond(self) -> Act | None:
        operator = self.one_with(self.books.unbonding)
        return operator and (self.stage.stakes.cancelUnbond, (), operator)

    def complete_unbond(self) -> Act | None:
        books, now = self.books, self.stage.now()
        ready = {operator: books.unbonding[operator] * (books.ready_at[operator] <= now) for operator in books.stake}
        operator = self.one_with(ready)
        return operator and (self.stage.stakes.completeUnbond, (), operator)

    def accept(self) -> Act | None:
        job_id = self.some(self.acceptable)
        operator = job_id and self.one_with(self.books.free, self.terms(job_id)["stakeLock"])
        if not job_id or not operator:
            return None
        stage, terms = self.stage, self.terms(job_id)
        signed: tuple[Any, bytes] = (NO_ASSIGNMENT, b"")
        if terms["exclusiveSeconds"] and self.random.random() < 0.8:
            assignment = stage.assignment(terms, operator)
            signed = (assignment, stage.sign(assignment))
        return stage.escrow.accept, (terms.abi(), operator, *signed), self.mostly(operator)

    def release_early(self) -> Act | None:
        job_id = self.some(self.claimable)
        if job_id is None:
            return None
        return self.stage.escrow.releaseEarly, (self.terms(job_id).abi(),), self.mostly(self.state(job_id)["operator"])

    def claim(self) -> Act | None:
        job_id = self.some(self.claimable)
        if job_id is None:
            return None
        claim = self._right_claims(job_id, 1)[0]
        sender = self.mostly(self.state(job_id)["operator"])
        return self.stage.settlement.claim, (self.terms(job_id).abi(), claim), sender

    def claim_many(self) -> Act | None:
        """A few jobs of one operator, a few milestones of each."""
        first = self.some(self.claimable)
        if first is None:
            return None
        operator = self.state(first)["operator"]
        mine = [job for job in self.reader.jobs if self.state(job)["operator"] == operator and self.claimable(job)]
        jobs = [first, *(job_id for job_id in mine[-3:] if job_id != first)]
        batches = [(self.terms(job_id).abi(), self._right_claims(job_id, 2)) for job_id in jobs]
        return self.stage.settlement.claimMany, (batches,), self.mostly(operator)

    def _right_claims(self, job_id: str, most: int) -> list[tuple[Any, ...]]:
        """The next milestones' claims, each with an output of its own; past the last one too, which is refused."""
        terms, made = self.terms(job_id), []
        first = self.state(job_id)["nextMilestone"]
        for milestone in range(first, min(first + most, max(len(terms["shareBps"]), first + 1))):
            self.claims += 1
            changed = {"inputRoot": made[-1][3]} if made and terms["mode"] == CHAINED else {}
            made.append(self.stage.claim(terms, milestone, outputRoot=word(f"output {self.claims}"), **changed))
        return made

    def forge(self) -> Act | None:
        """A claim with something wrong about it."""
        job_id = self.some(self.claimable)
        if job_id is None:
            return None
        terms, state = self.terms(job_id), self.state(job_id)
        right = list(self.stage.claim(terms, state["nextMilestone"]))
        wrong = self.random.choice(["milestone", "input", "output", "proof", "no proof"])
        if wrong == "milestone":
            right[0] += 1
        elif wrong == "input":
            right[1] = word("another input")
        elif wrong == "output" and terms["proofKind"] == ZK:
            right[3] = word("another output")
        elif wrong == "proof" and terms["proofKind"] == ZK:
            right[5] = right[5][:-1] + bytes([right[5][-1] ^ 1])
        else:
            right[5] = b""
        return self.stage.settlement.claim, (terms.abi(), tuple(right)), self.mostly(state["operator"])


class Everyone(Scene):
    """What anybody may do, and what a judge does for whoever asks."""

    def expire(self) -> Act | None:
        return self._by_anyone(self.stage.escrow.expire, self.some(self.late))

    def expire_many(self) -> Act:
        return self.stage.escrow.expireMany, (self.several(),), self.stage.finder

    def finalize(self) -> Act | None:
        return self._by_anyone(self.stage.settlement.finalize, self.some(self.final))

    def finalize_many(self) -> Act:
        return self.stage.settlement.finalizeMany, (self.several(),), self.stage.stranger

    def refund(self) -> Act | None:
        return self._by_anyone(self.stage.escrow.refund, self.some(self.in_status(OPEN)))

    def _by_anyone(self, function: Any, job_id: str | None) -> Act | None:
        return None if job_id is None else (function, (self.terms(job_id).abi(),), self.stage.finder)

    def fault(self) -> Act | None:
        job_id = self.some(self.refutable)
        if job_id is None:
            return None
        state = self.state(job_id)
        # Mostly the latest claim, whose window is still open; sometimes one that nobody has made yet.
        milestone = state["nextMilestone"] - self.random.choice([1, 1, 1, 2, 0])
        call = (self.stage.settlement, self.terms(job_id).abi(), max(milestone, 0))
        return self.stage.judge.proveFault, call, self.mostly(self.stage.finder)

    def accuse(self) -> Act | None:
        """A fault shown past the judge."""
        job_id = self.some(self.refutable)
        if job_id is None:
            return None
        accuser = self.random.choice([self.stage.finder, self.stage.creator, self.stage.governor])
        return self.stage.settlement.fault, (self.terms(job_id).abi(), 0, accuser), accuser

    def withdraw(self) -> Act:
        owed = [key for key, amount in self.books.credits.items() if amount] or list(self.books.credits)
        return self.stage.escrow.withdraw, self.random.choice(owed), self.stage.stranger

    def withdraw_reward(self) -> Act:
        owed = [key for key, amount in self.books.rewards.items() if amount] or list(self.books.rewards)
        return self.stage.stakes.withdrawReward, (self.random.choice(owed),), self.stage.stranger


class Governors(Scene):
    """They may change numbers, for what is to come."""

    def change_adapter(self) -> Act:
        """The governor tries to take back what it said."""
        return self.stage.router.addAdapter, (ZK, self.stage.adapter, 1), self.stage.governor

    def set_economy(self) -> Act:
        """One time in four with too little left to burn."""
        pick = self.random
        late = pick.randrange(1_000, 8_001)
        shares = [pick.randrange(100, 3_001), pick.randrange(3_001), pick.randrange(3_001)]
        faults = [pick.randrange(1_000, 4_001), pick.randrange(2_501), pick.randrange(2_501)]
        if pick.random() < 0.25:
            pick.choice([shares, faults])[2] = 9_001
        economy = (late, *shares, *faults, pick.randrange(10, late + 1))
        return self.stage.parameters.setEconomy, (economy,), self.mostly(self.stage.governor)

    def set_entry_rules(self) -> Act:
        pick = self.random
        lock = pick.choice([MIN_LOCK // 100, MIN_LOCK, 3 * MIN_LOCK, 101 * MIN_LOCK])
        rules = (lock, pick.randrange(10_001), pick.choice([10, 60, 61]), pick.choice([60, 1_000, 2_000]))
        return self.stage.parameters.setEntryRules, (rules,), self.mostly(self.stage.governor)

    def pause(self) -> Act:
        return self.stage.parameters.pauseNewJobs, (), self.mostly(self.stage.guardian)

    def resume(self) -> Act | None:
        if not self.books.paused:
            return None
        sender = self.random.choice([self.stage.governor, self.stage.governor, self.stage.guardian])
        return self.stage.parameters.resumeNewJobs, (), sender
