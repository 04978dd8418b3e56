"""The whole set of contracts on a fresh chain, the people in the play, and what they usually do.

Builders make valid things; a test changes one thing and says what happens.
"""

from __future__ import annotations

import hashlib
from typing import Any

from brownie import accounts, chain, project, web3
from brownie.network.account import Accounts
from eth_account import Account
from eth_account.messages import encode_typed_data
from refusals import plain
from web3.utils.address import get_create_address

from tallystick.merkle import milestone_path, milestones_root

ZERO = "0x" + "00" * 20
NO_HASH = "0x" + "00" * 32
BURN = "0x000000000000000000000000000000000000dEaD"
ZK, OPTIMISTIC = 1, 2
PARALLEL, CHAINED = 0, 1
OPEN, ASSIGNED, COMPLETED, REFUNDED = 1, 2, 3, 4
TALLY = 10**18
DOLLAR = 10**6
MIN_LOCK = TALLY
UNBOND_SECONDS = 1_000
CHALLENGE_SECONDS = 120
MIN_LOCK_RATIO = 5_000
ENTRY_RULES = (MIN_LOCK, MIN_LOCK_RATIO, 60, UNBOND_SECONDS)
"""Least lock, its least ratio to the price in bps, least challenge window and the time of unbonding in seconds."""
LATE_SLASH = 5_000
RELEASE_FEE = 100
LATE_SPLIT = (1_000, 4_000, 3_000, 2_000)
FAULT_SPLIT = (4_000, 3_000, 1_000, 2_000)
"""To the finder or prover, the creator, the bounty; the rest is burnt."""
ECONOMY = (LATE_SLASH, *LATE_SPLIT[:3], *FAULT_SPLIT[:3], RELEASE_FEE)
GAS_CAP = 2_000_000
NO_ASSIGNMENT = (NO_HASH, ZERO, 0, 0)

RIGHT, WRONG_MAGIC, BURN_GAS, SILENT, SHORT_ANSWER = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
"""How MockAdapter behaves, by the first byte of a proof."""


def word(text: str) -> str:
    """A 32-byte value that nobody chose."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


class Terms(dict):
    """Job terms by their Solidity names, in ABI order. `roots` are the milestones' inputs behind `inputRoot`."""

    roots: tuple[str, ...]

    def abi(self) -> tuple[Any, ...]:
        return tuple(self.values())


class Stage:
    """Contracts as attributes in lower case; people: creator, operator, agent, rival, finder, stranger, governor,
    guardian, dispatcher."""

    def __init__(self, accounts: Accounts) -> None:
        self.project = project.get_loaded_projects()[0]
        self.deployer, self.creator, self.operator, self.agent, self.rival = accounts[:5]
        self.finder, self.stranger, self.governor, self.guardian = accounts[5:9]
        self.dispatcher = Account.from_key("0x" + "d1" * 32)
        # One second a block, whatever the clock on the wall says: a test sees the same times on every machine.
        rpc("anvil_setBlockTimestampInterval", 1)
        self._deploy_tokens()
        self._deploy_contracts()
        self.model = self.register_model("digits")
        self.traced = self.register_model("traced", proofKind=OPTIMISTIC, adapter=self.judge.address)

    # ---- setting up ---------------------------------------------------------------------------------------------

    def deploy(self, name: str, *arguments: Any) -> Any:
        return getattr(self.project, name).deploy(*arguments, {"from": self.deployer})

    def coming(self, steps: int) -> str:
        """The address of the deployer's creation after `steps` more transactions."""
        return get_create_address(self.deployer.address, self.deployer.nonce + steps)

    def _deploy_tokens(self) -> None:
        self.payment = self.deploy("MockToken", "Test dollar", "tUSD", 6)
        self.stake = self.deploy("MockToken", "Tally", "TALLY", 18)
        self.tokens = {self.stake.address: self.stake}

    def _deploy_contracts(self) -> None:
        self.adapter = self.deploy("MockAdapter")
        self.judge = self.deploy("MockJudge")
        # The governor is the whole authority here; test_governance.py has the timelock in its place.
        self.authority = self.deploy("Authority", self.governor, self.guardian, self.coming(3))
        self.router = self.deploy("VerifierRouter", self.authority)
        self.router.addAdapter(ZK, self.adapter, GAS_CAP, {"from": self.governor})
        self.router.addAdapter(OPTIMISTIC, self.judge, GAS_CAP, {"from": self.governor})
        self.registry = self.deploy("ModelRegistry", self.router)
        self.parameters = self.deploy("ProtocolParameters", self.authority, ENTRY_RULES, ECONOMY)
        escrow, settlement = self.coming(1), self.coming(2)
        self.stakes = self.deploy("StakeManager", self.stake, self.parameters, escrow)
        self.escrow = self.deploy("JobEscrow", self.stakes, self.registry, settlement)
        self.settlement = self.deploy("MilestoneSettlement", self.escrow)

    def spec(self, name: str, **changed: Any) -> tuple[Any, ...]:
        usual = {
            "schemaVersion": 1,
            "proofKind": ZK,
            "semanticsVersion": 1,
            "adapter": self.adapter.address,
            "programId": word(f"program {name}"),
            "weightsRoot": NO_HASH,
            "manifest": word(f"manifest {name}"),
        }
        return tuple({**usual, **changed}.values())

    def register_model(self, name: str, **changed: Any) -> str:
        spec = self.spec(name, **changed)
        self.registry.register(spec, {"from": self.stranger})
        return str(self.registry.modelIdOf(spec))

    # ---- creators -----------------------------------------------------------------------------------------------

    def terms(self, **changed: Any) -> Terms:
        """A parallel job of two milestones (60 % in 500 s, 40 % in 300 s) without a dispatcher.

        `inputs` replaces the milestones' input roots; with `mode=CHAINED` the first of them is the job's input root.
        """
        shares = changed.get("shareBps", [6_000, 4_000])
        roots = tuple(changed.pop("inputs", [word(f"input {m}") for m in range(len(shares))]))
        tree = [bytes.fromhex(root[2:]) for root in roots]
        chained = changed.get("mode") == CHAINED
        usual = {
            "creator": self.creator.address,
            "salt": 1,
            "modelId": self.model,
            "proofKind": ZK,
            "mode": PARALLEL,
            "inputRoot": roots[0] if chained else "0x" + milestones_root(tree).hex() if tree else NO_HASH,
            "manifest": word("job manifest"),
            "paymentToken": self.payment.address,
            "minPrice": 60 * DOLLAR,
            "maxPrice": 100 * DOLLAR,
            "rampSeconds": 1_000,
            "stakeLock": 50 * TALLY,
            "acceptSeconds": 2_000,
            "exclusiveSeconds": 0,
            "challengeSeconds": CHALLENGE_SECONDS if changed.get("proofKind") == OPTIMISTIC else 0,
            "dispatcher": ZERO,
            "dispatcherFeeBps": 0,
            "shareBps": shares,
            "durationSeconds": [500, 300] if len(shares) == 2 else [100] * len(shares),
        }
        assert set(changed) <= set(usual), "a test changes a field that does not exist"
        terms = Terms({**usual, **changed})
        terms.roots = roots
        return terms

    def dispatched_terms(self, **changed: Any) -> Terms:
        """Terms with a dispatcher who has the first 200 seconds and a fee of 2.5 %."""
        usual = {"dispatcher": self.dispatcher.address, "exclusiveSeconds": 200, "dispatcherFeeBps": 250}
        return self.terms(**{**usual, **changed})

    def create(self, terms: Terms | None = None, **changed: Any) -> Terms:
        terms = terms or self.terms(**changed)
        self.fund(terms)
        self.escrow.createJob(terms.abi(), {"from": self.creator})
        return terms

    def traced_terms(self, **changed: Any) -> Terms:
        """Terms of an Optimistic job: its claims can be shown to be wrong for 120 seconds each."""
        return self.terms(**{"proofKind": OPTIMISTIC, "modelId": self.traced, **changed})

    def odd_token(self, name: str) -> Any:
        """A token that is not like others. Jobs that are paid in it can be funded as usual."""
        token = self.deploy(name)
        self.tokens[token.address] = token
        return token

    def fund(self, terms: Terms, amount: int | None = None) -> None:
        """Gives the creator the deposit, or another amount, and the escrow an allowance of it."""
        amount = terms["maxPrice"] if amount is None else amount
        token = self.tokens.get(terms["paymentToken"], self.payment)
        token.mint(self.creator, amount, {"from": self.creator})
        token.approve(self.escrow, amount, {"from": self.creator})

    def job_id(self, terms: Terms) -> str:
        return str(self.escrow.jobIdOf(terms.abi()))

    def state(self, terms: Terms) -> dict[str, Any]:
        """What the escrow stores, with its `timer` by the name of what it tells in this status."""
        state = {name: plain(value) for name, value in self.escrow.stateOf(self.job_id(terms)).dict().items()}
        return {**state, "openedAt": _timer(state, OPEN), "deadline": _timer(state, ASSIGNED)}

    # ---- operators ----------------------------------------------------------------------------------------------

    def bond(self, operator: Any, amount: int = 100 * TALLY) -> None:
        """Deposits stake of the operator's own."""
        self.stake.mint(operator, amount, {"from": operator})
        self.stake.approve(self.stakes, amount, {"from": operator})
        self.stakes.deposit(operator, amount, {"from": operator})

    def accept(self, terms: Terms, operator: Any = None, assignment: Any = NO_ASSIGNMENT, signature: Any = b"") -> Any:
        """The operator, staked as needed, takes the job."""
        operator = operator or self.operator
        if self.stakes.freeStakeOf(operator) < terms["stakeLock"]:
            self.bond(operator, terms["stakeLock"])
        return self.escrow.accept(terms.abi(), operator, assignment, signature, {"from": operator})

    def assigned(self, terms: Terms | None = None, **changed: Any) -> Terms:
        """A job that the operator has accepted."""
        terms = self.create(terms, **changed)
        self.accept(terms)
        return terms

    def assignment(self, terms: Terms, operator: Any, /, **changed: Any) -> tuple[Any, ...]:
        usual = {
            "jobId": self.job_id(terms),
            "operator": operator.address,
            "round": self.state(terms)["round"],
            "expiresAt": self.now() + 60,
        }
        return tuple({**usual, **changed}.values())

    def sign(self, assignment: tuple[Any, ...], signer: Any = None) -> bytes:
        fields = (("jobId", "bytes32"), ("operator", "address"), ("round", "uint32"), ("expiresAt", "uint64"))
        domain = {
            "name": "Tallystick",
            "version": "1",
            "chainId": chain.id,
            "verifyingContract": self.escrow.address,
        }
        types = {"Assignment": [{"name": name, "type": kind} for name, kind in fields]}
        names = [name for name, _ in fields]
        message = encode_typed_data(domain, types, dict(zip(names, assignment, strict=True)))
        return bytes((signer or self.dispatcher).sign_message(message).signature)

    # ---- claims -------------------------------------------------------------------------------------------------

    def claim(self, terms: Terms, milestone: int, **changed: Any) -> tuple[Any, ...]:
        """A right claim, but for what is changed. The proof is made for the claim as changed, unless it is given;
        an Optimistic claim has a trace root in its place.
        """
        chained = terms["mode"] == CHAINED
        root = self._next_input(terms, milestone) if chained else terms.roots[milestone % len(terms.roots)]
        tree = [bytes.fromhex(item[2:]) for item in terms.roots]
        path = [] if chained else milestone_path(tree, milestone % len(tree))
        usual = {
            "milestone": milestone,
            "inputRoot": root,
            "inputProof": ["0x" + item.hex() for item in path],
            "outputRoot": word(f"output {milestone}"),
            "manifest": word(f"result {milestone}"),
            "proof": b"",
        }
        claim = {**usual, **changed}
        if "proof" not in changed and terms["proofKind"] == OPTIMISTIC:
            claim["proof"] = word(f"trace {milestone}")
        elif "proof" not in changed:
            claim["proof"] = self.proof(self.statement(terms, claim), terms["modelId"])
        return tuple(claim.values())

    def _next_input(self, terms: Terms, milestone: int) -> str:
        job_id = self.job_id(terms)
        return str(self.settlement.outputRootOf(job_id, milestone - 1)) if milestone else terms["inputRoot"]

    def statement(self, terms: Terms, claim: dict[str, Any]) -> tuple[Any, ...]:
        """What a claim is about, put together here and not by the contract."""
        return (
            1,
            chain.id,
            self.settlement.address,
            self.job_id(terms),
            claim["milestone"],
            terms["modelId"],
            claim["inputRoot"],
            claim["inputRoot"] if terms["mode"] == CHAINED else NO_HASH,
            claim["outputRoot"],
            terms["proofKind"],
        )

    def proof(self, statement: tuple[Any, ...], model_id: str, behaviour: bytes = RIGHT) -> bytes:
        """What MockAdapter takes for a proof of a statement."""
        program = self.registry.specOf(model_id)[4]
        return behaviour + bytes(self.adapter.digestOf(program, statement))

    def settle(self, terms: Terms, milestone: int, operator: Any = None, **changed: Any) -> Any:
        """The operator claims a milestone and is paid."""
        claim = self.claim(terms, milestone, **changed)
        return self.settlement.claim(terms.abi(), claim, {"from": operator or self.operator})

    def finalize(self, terms: Terms, by: Any = None) -> Any:
        """A second after the window of the latest claim, somebody has all claims of the job paid."""
        last = self.state(terms)["nextMilestone"] - 1
        self.at(int(self.settlement.claimOf(self.job_id(terms), last)[1]) + 1)
        return self.settlement.finalize(terms.abi(), {"from": by or self.finder})

    def fault(self, terms: Terms, milestone: int, by: Any = None) -> Any:
        """The judge believes whoever asks it that the claim is wrong."""
        return self.judge.proveFault(self.settlement, terms.abi(), milestone, {"from": by or self.finder})

    def expire(self, terms: Terms, by: Any = None) -> Any:
        """A second after the deadline, somebody finds that the operator is late."""
        self.at(self.state(terms)["deadline"] + 1)
        return self.escrow.expire(terms.abi(), {"from": by or self.finder})

    def unlock(self, address: str) -> None:
        """Lets an account without a key here send: anvil takes its transactions unsigned."""
        accounts.at(address, force=True)

    # ---- time and money -----------------------------------------------------------------------------------------

    def now(self) -> int:
        return int(web3.eth.get_block("latest")["timestamp"])

    def at(self, timestamp: int) -> None:
        """Makes it `timestamp` for calls and for the next transaction alike."""
        rpc("evm_mine", {"timestamp": timestamp})
        rpc("evm_setNextBlockTimestamp", timestamp)

    def credit(self, account: Any) -> int:
        return int(self.escrow.creditOf(self.payment, account))

    def reward(self, account: Any) -> int:
        return int(self.stakes.rewardOf(account))

    def price(self, terms: Terms) -> int:
        return int(self.escrow.priceOf(terms.abi()))


def _timer(state: dict[str, Any], status: int) -> int:
    return int(state["timer"]) if state["status"] == status else 0


def rpc(method: str, *parameters: Any) -> Any:
    answer = web3.provider.make_request(method, list(parameters))
    assert "error" not in answer, answer
    return answer["result"]


def share(amount: int, bps: int) -> int:
    return amount * bps // 10_000


def events(transaction: Any, name: str) -> list[dict[str, Any]]:
    """The events of one name in a transaction, their values in one spelling."""
    # Brownie's dictionary of events has no `get`, and raises for a name that is not there.
    found = [event for event in transaction.events if event.name == name]
    return [{key: plain(value) for key, value in event.items()} for event in found]


def event(transaction: Any, name: str) -> dict[str, Any]:
    """The one event of this name in a transaction."""
    (only,) = events(transaction, name)
    return only
