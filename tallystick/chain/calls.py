"""Every transaction that a role may send, as data: target, calldata and a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.chain.abi import contract_abi
from tallystick.chain.deployment import Deployment
from tallystick.ids import Address, Bytes32, JobId, raw
from tallystick.market.claims import Claim, ModelSpec, claim_tuple, model_id_of, program_id_of, spec_tuple
from tallystick.market.disputes import ClaimRef, DemandPoint, claim_ref_tuple, demand_tuple
from tallystick.market.orders import SignedOrder, signed_order_tuple
from tallystick.market.permits import TokenPermit, token_permit_tuple
from tallystick.market.terms import NO_ASSIGNMENT, Assignment, JobTerms, assignment_tuple, job_id_of, terms_tuple


@dataclass(frozen=True)
class Call:
    """One call to a contract, not yet a transaction.

    Attributes:
        description: What it does, for people: `accept job 0x12ab..`.
        value: Native coin sent along, in wei. Demands alone send any.
    """

    to: Address
    data: bytes
    description: str
    value: int = 0


def short(identifier: str) -> str:
    """The first ten characters of an id or address: enough to recognise it."""
    return f"{identifier[:10]}.."


class MarketCalls:
    """The calls of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._contracts = deployment.contracts
        self._domain = deployment.domain()

    def _job(self, terms: JobTerms) -> str:
        return f"job {short(job_id_of(terms, self._domain))}"

    def _escrow(self, name: str, description: str, *arguments: Any) -> Call:
        data = contract_abi("JobEscrow").functions[name].encode(*arguments)
        return Call(to=self._contracts.job_escrow, data=data, description=description)

    def _settlement(self, name: str, description: str, *arguments: Any) -> Call:
        data = contract_abi("MilestoneSettlement").functions[name].encode(*arguments)
        return Call(to=self._contracts.milestone_settlement, data=data, description=description)

    def _stake(self, name: str, description: str, *arguments: Any) -> Call:
        data = contract_abi("StakeManager").functions[name].encode(*arguments)
        return Call(to=self._contracts.stake_manager, data=data, description=description)

    # ---- jobs ---------------------------------------------------------------------------------------------------------

    def create_job(self, terms: JobTerms) -> Call:
        """By the creator, with an allowance of `max_price` for the escrow. Raises TermsError for terms it would refuse."""
        terms.check()
        return self._escrow("createJob", f"create {self._job(terms)}", terms_tuple(terms))

    def create_job_with_permit(self, terms: JobTerms, permit: TokenPermit) -> Call:
        """By the creator, whose permit is of `max_price` for the escrow. Raises TermsError for terms it would refuse."""
        terms.check()
        held = token_permit_tuple(permit)
        return self._escrow("createJobWithPermit", f"create {self._job(terms)}", terms_tuple(terms), held)

    def post_order(self, signed: SignedOrder) -> Call:
        """By anyone, from the order's start until it `closes_at`. Raises TermsError for terms it would refuse."""
        signed.order.check()
        description = f"post the order of {self._job(signed.order.terms)}"
        return self._escrow("postOrder", description, signed_order_tuple(signed))

    def accept_order(
        self,
        signed: SignedOrder,
        operator: Address,
        assignment: Assignment | None = None,
        signature: bytes = b"",
    ) -> Call:
        """By the operator or its agent: posts the order and accepts its job. As `accept` for what the signature is.

        Raises TermsError for terms that would be refused.
        """
        signed.order.check()
        description = f"take the order of {self._job(signed.order.terms)}"
        held = assignment_tuple(assignment or NO_ASSIGNMENT)
        return self._escrow("acceptOrder", description, signed_order_tuple(signed), operator, held, signature)

    def cancel_orders(self, word: int, bits: int) -> Call:
        """By the creator: no order of its own with nonce `word * 256 + i`, for each bit i of `bits`, can become a job.

        `nonce_place` gives both for one nonce. A job that was created already is not touched.
        """
        return self._escrow("cancelOrders", f"cancel {bits.bit_count()} orders", word, bits)

    def accept(
        self,
        terms: JobTerms,
        operator: Address,
        assignment: Assignment | None = None,
        signature: bytes = b"",
    ) -> Call:
        """By the operator or its agent. Without an assignment only after the exclusive time."""
        held = assignment_tuple(assignment or NO_ASSIGNMENT)
        return self._escrow("accept", f"accept {self._job(terms)}", terms_tuple(terms), operator, held, signature)

    def cancel(self, terms: JobTerms) -> Call:
        """By the creator, while the job is open."""
        return self._escrow("cancel", f"cancel {self._job(terms)}", terms_tuple(terms))

    def refund(self, terms: JobTerms) -> Call:
        """By anyone, once nobody accepted in time."""
        return self._escrow("refund", f"refund {self._job(terms)}", terms_tuple(terms))

    def release_early(self, terms: JobTerms) -> Call:
        """By the assigned operator or its agent, in time, with no claim awaiting finality."""
        return self._escrow("releaseEarly", f"give {self._job(terms)} back", terms_tuple(terms))

    def expire(self, terms: JobTerms) -> Call:
        """By anyone, once the executor has missed its deadline; the caller is the finder."""
        return self._escrow("expire", f"expire {self._job(terms)}", terms_tuple(terms))

    def expire_many(self, terms: Sequence[JobTerms]) -> Call:
        """By anyone; jobs that are not late are skipped."""
        return self._escrow("expireMany", f"expire {len(terms)} jobs", [terms_tuple(held) for held in terms])

    def claim(self, terms: JobTerms, claim: Claim) -> Call:
        """By the assigned operator or its agent."""
        description = f"claim milestone {claim.milestone} of {self._job(terms)}"
        return self._settlement("claim", description, terms_tuple(terms), claim_tuple(claim))

    def claim_many(self, batches: Sequence[tuple[JobTerms, Sequence[Claim]]]) -> Call:
        """By the assigned operator of all these jobs or its agent, each job's claims in order. All or nothing."""
        count = sum(len(claims) for _, claims in batches)
        held = [(terms_tuple(terms), [claim_tuple(claim) for claim in claims]) for terms, claims in batches]
        return self._settlement("claimMany", f"claim {count} milestones of {len(batches)} jobs", held)

    def finalize(self, terms: JobTerms) -> Call:
        """By anyone, once a claim's challenge window is over: pays every claim of the job that is final."""
        return self._settlement("finalize", f"pay what is final of {self._job(terms)}", terms_tuple(terms))

    def finalize_many(self, terms: Sequence[JobTerms]) -> Call:
        """By anyone; jobs with nothing to pay are skipped."""
        held = [terms_tuple(one) for one in terms]
        return self._settlement("finalizeMany", f"pay what is final of {len(terms)} jobs", held)

    # ---- disputes -----------------------------------------------------------------------------------------------------

    def _dispute(self, name: str, description: str, *arguments: Any) -> Call:
        data = contract_abi("TraceDispute").functions[name].encode(*arguments)
        return Call(to=self._contracts.trace_dispute, data=data, description=description)

    def _demands(self, name: str, description: str, *arguments: Any, value: int = 0) -> Call:
        data = contract_abi("TraceDemands").functions[name].encode(*arguments)
        return Call(to=self._contracts.trace_demands, data=data, description=description, value=value)

    def prove_fault(self, terms: JobTerms, claim: ClaimRef, witness: bytes) -> Call:
        """By anyone, until the claim is final; the caller is its challenger."""
        description = f"show that milestone {claim.milestone} of {self._job(terms)} is wrong"
        return self._dispute("proveFault", description, terms_tuple(terms), claim_ref_tuple(claim), witness)

    def commit_fault(self, terms: JobTerms, milestone: int, digest: Bytes32) -> Call:
        """By anyone who has a witness, before the last quarter of the window. `digest`: `commitment_digest`."""
        description = f"say first that milestone {milestone} of {self._job(terms)} is wrong"
        return self._dispute("commit", description, terms_tuple(terms), milestone, raw(digest))

    def prove_fault_committed(self, terms: JobTerms, claim: ClaimRef, witness: bytes, salt: bytes) -> Call:
        """By who committed to this witness in an earlier second. `salt`: 32 bytes."""
        description = f"show that milestone {claim.milestone} of {self._job(terms)} is wrong"
        held = (terms_tuple(terms), claim_ref_tuple(claim), witness, salt)
        return self._dispute("proveFaultCommitted", description, *held)

    def demand(self, terms: JobTerms, claim: ClaimRef, demand: DemandPoint, evidence: bytes, value: int) -> Call:
        """By anyone. `value` in wei: at least the demand's price; what is more is credited to the caller."""
        description = f"ask for a part of the trace of milestone {claim.milestone} of {self._job(terms)}"
        held = (terms_tuple(terms), claim_ref_tuple(claim), demand_tuple(demand), evidence)
        return self._demands("demand", description, *held, value=value)

    def show(self, terms: JobTerms, milestone: int, demand: DemandPoint, answer: bytes) -> Call:
        """By anyone, in time; the fee is the operator's."""
        description = f"show a part of the trace of milestone {milestone} of {self._job(terms)}"
        return self._demands("answer", description, terms_tuple(terms), milestone, demand_tuple(demand), answer)

    def fault_unanswered(self, terms: JobTerms, milestone: int, demand: DemandPoint) -> Call:
        """By anyone, once a demand was not answered in time; its payer is the challenger."""
        description = f"slash for what milestone {milestone} of {self._job(terms)} does not show"
        return self._demands("faultUnanswered", description, terms_tuple(terms), milestone, demand_tuple(demand))

    def give_back(self, job_id: JobId, milestone: int, claim_key: Bytes32, demand: DemandPoint) -> Call:
        """By anyone, once the claim of an open demand no longer stands: credits who paid for it."""
        description = f"give back what was paid for a demand on job {short(job_id)}"
        return self._demands("giveBack", description, raw(job_id), milestone, raw(claim_key), demand_tuple(demand))

    def withdraw_demand_fees(self, account: Address) -> Call:
        """By anyone; only `account` receives."""
        return self._demands("withdraw", f"withdraw the demand fees of {short(account)}", account)

    # ---- money out ----------------------------------------------------------------------------------------------------

    def withdraw(self, token: Address, account: Address) -> Call:
        """By anyone; only `account` receives."""
        return self._escrow("withdraw", f"withdraw what {short(account)} earned", token, account)

    def withdraw_reward(self, account: Address) -> Call:
        """By anyone; only `account` receives."""
        return self._stake("withdrawReward", f"withdraw the rewards of {short(account)}", account)

    # ---- stake --------------------------------------------------------------------------------------------------------

    def deposit_stake(self, operator: Address, amount: int) -> Call:
        """By anyone with an allowance for the stake manager. `amount` in the stake token's smallest unit."""
        return self._stake("deposit", f"deposit stake for {short(operator)}", operator, amount)

    def deposit_stake_with_permit(self, operator: Address, amount: int, permit: TokenPermit) -> Call:
        """By anyone whose permit is of `amount` for the stake manager."""
        held = token_permit_tuple(permit)
        return self._stake("depositWithPermit", f"deposit stake for {short(operator)}", operator, amount, held)

    def request_unbond(self, amount: int) -> Call:
        """By the operator's cold key, of locked stake too. The delay starts anew for everything that is unbonding."""
        return self._stake("requestUnbond", "request unbonding of stake", amount)

    def cancel_unbond(self) -> Call:
        """By the operator's cold key: puts everything that is unbonding back to use."""
        return self._stake("cancelUnbond", "put unbonding stake back to use")

    def complete_unbond(self) -> Call:
        """By the operator's cold key, once the delay is over. What is still locked waits."""
        return self._stake("completeUnbond", "withdraw unbonded stake")

    def appoint_agent(self, agent: Address) -> Call:
        """By the operator's cold key."""
        return self._stake("appointAgent", f"appoint agent {short(agent)}", agent)

    def revoke_agent(self, agent: Address) -> Call:
        """By the operator's cold key."""
        return self._stake("revokeAgent", f"revoke agent {short(agent)}", agent)

    # ---- models -------------------------------------------------------------------------------------------------------

    def register_model(self, spec: ModelSpec) -> Call:
        """By anyone. Registering the same model again changes nothing."""
        data = contract_abi("ModelRegistry").functions["register"].encode(spec_tuple(spec))
        description = f"register model {short(model_id_of(spec))}"
        return Call(to=self._contracts.model_registry, data=data, description=description)

    def register_program(self, vka: Sequence[bytes]) -> Call:
        """By anyone, once for each circuit: EZKL's verifier checks proofs only with keys that it was shown before.

        Args:
            vka: The verifying-key artifact's 32-byte words.
        """
        data = contract_abi("EzklVerifier").functions["registerVka"].encode(list(vka))
        description = f"show the verifier program {short(program_id_of(vka))}"
        return Call(to=self._contracts.ezkl_verifier, data=data, description=description)

    # ---- tokens -------------------------------------------------------------------------------------------------------

    def _token(self, token: Address, name: str, description: str, *arguments: Any) -> Call:
        data = contract_abi("MockToken").functions[name].encode(*arguments)
        return Call(to=token, data=data, description=description)

    def approve(self, token: Address, spender: Address, amount: int) -> Call:
        description = f"allow {short(spender)} to take {amount} units of {short(token)}"
        return self._token(token, "approve", description, spender, amount)

    def transfer(self, token: Address, to: Address, amount: int) -> Call:
        return self._token(token, "transfer", f"send {amount} units of {short(token)} to {short(to)}", to, amount)

    def mint_test_token(self, token: Address, to: Address, amount: int) -> Call:
        """Works with the test tokens of local deployments alone."""
        return self._token(token, "mint", f"mint {amount} units of {short(token)} for {short(to)}", to, amount)
