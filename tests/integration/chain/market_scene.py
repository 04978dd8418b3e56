"""A market with people in it: funded, staked, a model registered whose adapter takes proofs that a test can make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anvil_chain import AnvilChain, dev_account
from artifacts import artifact
from eth_abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils import keccak
from governance import carry_out

from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.chain.inclusion import Timing
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, Bytes32, JobId, bytes32, parse_address, raw
from tallystick.market.claims import Claim, ModelSpec, Statement, model_id_of, statement_tuple
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestone_path, milestones_root

PEOPLE = {"governor": 0, "creator": 1, "operator": 2, "agent": 3, "dispatcher": 4, "stranger": 5}
GAS_CAP = 1_000_000
CHALLENGE_SECONDS = 600
STATEMENT = "(uint16,uint256,address,bytes32,uint16,bytes32,bytes32,bytes32,bytes32,uint8)"

FAST = Timing(poll_seconds=0.02)


def word(text: str) -> Bytes32:
    return bytes32(hashlib.sha256(text.encode()).digest())


def account(name: str) -> LocalAccount:
    return dev_account(PEOPLE[name])


def address_of(name: str) -> Address:
    return parse_address(account(name).address)


def create(chain: AnvilChain, code: str) -> Address:
    """Puts a contract on the chain by anvil's own first account."""
    receipt = chain.transact({"from": address_of("governor"), "data": code, "gas": hex(5_000_000)})
    assert receipt["status"] == "0x1", receipt
    return parse_address(receipt["contractAddress"])


def create_runtime(chain: AnvilChain, runtime: str) -> Address:
    """Puts hand-written code (hex) on the chain: PUSH2 size, DUP1, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 0, RETURN."""
    size = len(runtime) // 2
    return create(chain, f"0x61{size:04x}80600c6000396000f3{runtime}")


@dataclass
class Scene:
    """The market, and a sender for everyone in it. `close` lets go of the journals."""

    chain: AnvilChain
    reader: ChainReader
    deployment: Deployment
    folder: Path
    senders: dict[str, Sender] = field(default_factory=dict)
    spec: ModelSpec | None = None
    traced: ModelSpec | None = None

    @property
    def calls(self) -> MarketCalls:
        return MarketCalls(self.deployment)

    @property
    def payment(self) -> Address:
        assert self.deployment.tokens.payment is not None
        return self.deployment.tokens.payment

    def sender(self, name: str, **options: Any) -> Sender:
        if name not in self.senders:
            journal = self.folder / f"{name}.sqlite"
            self.senders[name] = Sender(self.reader, account(name), journal, **{"timing": FAST, **options})
        return self.senders[name]

    async def send(self, name: str, key: str, call: Call) -> Receipt:
        return await self.sender(name).send(key, call)

    def close(self) -> None:
        for sender in self.senders.values():
            sender.close()
        self.senders.clear()

    # ---- before the play ----------------------------------------------------------------------------------------------

    async def set(self) -> ModelSpec:
        """Everyone has what they need: tokens, allowances, stake, an agent, a model."""
        contracts, stake = self.deployment.contracts, self.deployment.tokens.stake
        amount = 100 * 10**18
        await self.send("creator", "mint", self.calls.mint_test_token(self.payment, address_of("creator"), amount))
        await self.send("creator", "approve", self.calls.approve(self.payment, contracts.job_escrow, amount))
        await self.send("operator", "mint", self.calls.mint_test_token(stake, address_of("operator"), amount))
        await self.send("operator", "approve", self.calls.approve(stake, contracts.stake_manager, amount))
        await self.send("operator", "deposit", self.calls.deposit_stake(address_of("operator"), amount))
        await self.send("operator", "appoint", self.calls.appoint_agent(address_of("agent")))
        self.spec = await self.register(ProofKind.ZK, "MockAdapter")
        return self.spec

    async def register(self, kind: ProofKind, adapter: str) -> ModelSpec:
        """A model of this kind, and the adapter that it names, listed by governance."""
        place = create(self.chain, "0x" + artifact(adapter)["bytecode"].removeprefix("0x"))
        data = contract_abi("VerifierRouter").functions["addAdapter"].encode(kind, place, GAS_CAP)
        carry_out(self.chain, self.deployment, self.deployment.contracts.verifier_router, data)
        spec = ModelSpec(
            proof_kind=kind,
            semantics_version=1,
            adapter=place,
            program_id=word("program"),
            weights_root=ZERO_BYTES32,
            manifest=word("model manifest"),
        )
        await self.send("creator", f"register {adapter}", self.calls.register_model(spec))
        return spec

    # ---- jobs ---------------------------------------------------------------------------------------------------------

    def roots(self, terms: JobTerms) -> list[bytes]:
        return [raw(word(f"input {milestone} of {terms.salt}")) for milestone in range(terms.milestone_count)]

    def terms(self, **changed: Any) -> JobTerms:
        assert self.spec is not None
        usual: dict[str, Any] = {
            "creator": address_of("creator"),
            "salt": 1,
            "model_id": model_id_of(self.spec),
            "proof_kind": ProofKind.ZK,
            "mode": JobMode.PARALLEL,
            "input_root": word("unset"),
            "manifest": word("job manifest"),
            "payment_token": self.payment,
            "min_price": 1_000_000,
            "max_price": 2_000_000,
            "ramp_seconds": 1000,
            "stake_lock": 10 * 10**18,
            "accept_seconds": 3600,
            "exclusive_seconds": 0,
            "challenge_seconds": 0,
            "dispatcher": ZERO_ADDRESS,
            "dispatcher_fee_bps": 0,
            "share_bps": (4000, 6000),
            "duration_seconds": (600, 600),
        }
        terms = JobTerms.model_validate({**usual, **changed})
        return terms.model_copy(update={"input_root": bytes32(milestones_root(self.roots(terms)))})

    async def traced_terms(self, **changed: Any) -> JobTerms:
        """Terms of an Optimistic job, whose model a judge that believes everyone stands behind."""
        if self.traced is None:
            self.traced = await self.register(ProofKind.OPTIMISTIC, "MockJudge")
        kind = {"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": CHALLENGE_SECONDS}
        return self.terms(**{"model_id": model_id_of(self.traced), **kind, **changed})

    def job_id(self, terms: JobTerms) -> JobId:
        return job_id_of(terms, self.deployment.domain())

    def statement(self, terms: JobTerms, milestone: int) -> Statement:
        """What the settlement will build for the right claim of a parallel job."""
        return Statement(
            chain_id=self.deployment.chain_id,
            settlement=self.deployment.contracts.milestone_settlement,
            job_id=self.job_id(terms),
            milestone=milestone,
            model_id=terms.model_id,
            input_root=bytes32(self.roots(terms)[milestone]),
            start_root=ZERO_BYTES32,
            output_root=word(f"output {milestone}"),
            proof_kind=terms.proof_kind,
        )

    def claim(self, terms: JobTerms, milestone: int, *, spoil: Callable[[bytes], bytes] = bytes) -> Claim:
        """A right claim; `spoil` changes its proof."""
        roots = self.roots(terms)
        return Claim(
            milestone=milestone,
            input_root=bytes32(roots[milestone]),
            input_proof=tuple(bytes32(node) for node in milestone_path(roots, milestone)),
            output_root=word(f"output {milestone}"),
            manifest=word(f"result {milestone}"),
            proof=spoil(self._proof(self.statement(terms, milestone))),
        )

    def _proof(self, statement: Statement) -> bytes:
        if statement.proof_kind is ProofKind.OPTIMISTIC:
            return raw(word("trace root"))
        assert self.spec is not None
        bound = encode(["bytes32", STATEMENT], [raw(self.spec.program_id), statement_tuple(statement)])
        return b"\x01" + keccak(bound)
