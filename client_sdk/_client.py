"""The asynchronous client: the SDK's one front door, and the only place that puts its parts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from eth_account.signers.local import LocalAccount

from client_sdk._connecting import connected, expanded, load_prover
from client_sdk._connection import Connection
from client_sdk._drafting import Drafting
from client_sdk._following import POLL_SECONDS
from client_sdk._funding import Funding
from client_sdk._job import AsyncJob
from client_sdk._listing import list_jobs
from client_sdk._models import ModelHandle, ModelListing, Models, read_onnx
from client_sdk._ordering import Ordering
from client_sdk._receipt import JobReceipt
from client_sdk._request import Duration, JobRequest, Tokens
from client_sdk._wallet import Balances, TokenBalance, Wallet, Withdrawal
from client_sdk.settings import ClientSettings, load_settings
from tallystick.chain.deployment import Deployment, load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.chain.views import TokenInfo
from tallystick.clock import Clock, SystemClock
from tallystick.errors import InputError
from tallystick.ids import Address, parse_address, parse_job_id, parse_model_id
from tallystick.market.book import Job
from tallystick.market.orders import SignedOrder
from tallystick.merkle import MAX_MILESTONES
from tallystick.proving.prover import Limits, Progress, Prover, no_progress
from tallystick.storage.open import open_store
from tallystick.storage.store import Store
from tallystick.wire.api import ProofKindName, QuoteRequest, QuoteView
from tallystick.wire.dispatcher_client import DispatcherClient
from tallystick.wire.requirements import parse_requirements

if TYPE_CHECKING:
    from tallystick.engine.compiler.package import Package

DEFAULT_HOME = Path("~/.tallystick")


class AsyncClient:
    """Everything that a creator does. Made by `connect` or `open`, as an asynchronous context manager.

    Every method raises errors of one tree, `tallystick.errors.TallystickError`; a method names those that it adds to
    ChainUnavailableError (the endpoint does not answer) and KeystoreError (it signs, and the client has no key).
    """

    def __init__(self, connection: Connection, make_prover: Callable[[], Prover], exits: AsyncExitStack) -> None:
        self._connection = connection
        self._exits = exits
        self._models = Models(connection, make_prover)
        drafting = Drafting(connection, self._models)
        self._funding = Funding(connection, drafting)
        self._ordering = Ordering(connection, drafting)
        self._wallet = Wallet(connection)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        *,
        rpc: str,
        deployment: Deployment | Path | str,
        store: Store | Path | str,
        dispatcher: str | None = None,
        account: LocalAccount | None = None,
        home: Path | str = DEFAULT_HOME,
        prover: Prover | None = None,
        confirmations: int = 1,
        poll_seconds: float = POLL_SECONDS,
        dispatcher_transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> AsyncIterator[Self]:
        """A client that has made sure of chain and contracts.

        Args:
            rpc: URL of the chain's JSON-RPC endpoint.
            deployment: The market: a record, or the path of one.
            store: A folder, the address of an IPFS daemon, or a store.
            dispatcher: Its URL; None goes without.
            account: Who signs; None can only read.
            home: Where transactions under way are written down, so that a crash pays nothing twice.
            prover: Makes models into circuits; None loads EZKL when it is first needed.
            confirmations: Blocks after which a job's end counts.
            dispatcher_transport: Another httpx transport, for tests; see `client_sdk.testing`.

        Raises:
            InputError: a record, URL or store that is none.
            ChainError: the endpoint does not answer, answers for another chain, or the contracts are not there.
        """
        record = deployment if isinstance(deployment, Deployment) else load_deployment(Path(deployment))
        folder = expanded(home)
        kept = open_store(str(store)) if isinstance(store, str | Path) else store
        async with AsyncExitStack() as exits:
            connection = await exits.enter_async_context(
                connected(
                    rpc=rpc,
                    deployment=record,
                    store=kept,
                    dispatcher=DispatcherClient(dispatcher, transport=dispatcher_transport) if dispatcher else None,
                    account=account,
                    home=folder,
                    confirmations=confirmations,
                    poll_seconds=poll_seconds,
                    clock=clock or SystemClock(),
                )
            )
            yield cls(connection, lambda: prover or load_prover(folder), exits)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: ClientSettings | None = None, *, ask: Ask | None = None, prover: Prover | None = None
    ) -> AsyncIterator[Self]:
        """A client connected as the command line would be: by environment, local network or the user's own file.

        Args:
            ask: Asks a person for the keystore's password where no password file is named.

        Raises: as `connect`; InputError where no network is named anywhere, KeystoreError for a key that won't open.
        """
        settings = settings or load_settings()
        account = load_account(settings.keystore, settings.password_file, ask) if settings.keystore else None
        async with cls.connect(
            rpc=settings.rpc,
            deployment=settings.deployment,
            store=settings.store,
            dispatcher=settings.dispatcher,
            account=account,
            home=settings.home,
            prover=prover,
        ) as client:
            yield client

    @property
    def address(self) -> Address:
        """Whose key signs. Raises KeystoreError for a client that can only read."""
        return self._connection.signer().address

    @property
    def deployment(self) -> Deployment:
        return self._connection.reader.deployment

    async def register_model(
        self,
        onnx: bytes | Path | str,
        calibration: Sequence[Any],
        *,
        name: str,
        limits: Limits | None = None,
        progress: Progress = no_progress,
    ) -> ModelHandle:
        """Makes an ONNX model into a circuit, publishes what executors need, and registers it.

        Args:
            onnx: The model, or its path.
            calibration: One nested float sequence for each model input, of that input's shape or of several of them
                stacked along a new first axis. Values that jobs will bring must lie in its range.
            progress: Called before and after each step, from another thread.

        Raises:
            ModelError: an unsupported operator, or no ONNX model.
            TensorError: calibration data that does not fit.
            ProvingError: the prover failed, or ran past a limit.
        """
        data = onnx if isinstance(onnx, bytes) else await asyncio.to_thread(read_onnx, Path(onnx))
        return await self._models.register(data, calibration, name=name, limits=limits, progress=progress)

    async def register_program(self, package: Package | Path | str, *, name: str) -> ModelHandle:
        """Publishes a compiled program and registers it as an Optimistic model.

        Args:
            package: What `tallystick model compile` made: its folder, or a package that was read. Every hash is checked.

        Raises:
            ModelError: there is no package, its semantics are another release's, or nobody could dispute all of it in time.
            ArtifactError: a file is not what the package says, or is larger than the store takes.
            InputError: the engine is not installed.
        """
        held = Path(package) if isinstance(package, str) else package
        return await self._models.register_program(held, name=name)

    async def model(self, model_id: str) -> ModelHandle:
        """A registered model, its manifest fetched and checked. Raises ModelError, ArtifactError."""
        return await self._models.get(parse_model_id(model_id))

    async def models(self) -> list[ModelListing]:
        """Every model of this market, oldest first."""
        return await self._models.list()

    async def quote(
        self,
        model: ModelHandle | str | None = None,
        *,
        milestones: int = 1,
        requirements: str = "",
        payment_token: str | None = None,
        proof_kind: ProofKindName | None = None,
    ) -> QuoteView:
        """Who could take such a job now, for how much, and what holds the others back. Raises DispatcherError.

        Args:
            proof_kind: None: the model's own, or any where no model is named. Both stand side by side in `kinds`.
        """
        parse_requirements(requirements)
        if not 1 <= milestones <= MAX_MILESTONES:
            raise InputError(f"A job has 1 to {MAX_MILESTONES} milestones, not {milestones}.")
        model_id = model.model_id if isinstance(model, ModelHandle) else model
        token = payment_token or self.deployment.tokens.payment
        question = QuoteRequest(
            requirements=requirements,
            model_id=parse_model_id(model_id) if model_id else None,
            milestones=milestones,
            payment_token=parse_address(token) if token else None,
            proof_kind=proof_kind,
        )
        return await self._connection.require_dispatcher().quote(question)

    async def fund(self, request: JobRequest) -> AsyncJob:
        """Funds a job. Everything is checked before anything is sent, and written down before it is paid.

        A request that was interrupted is asked for again as it was: the same job goes on, and is paid for once. What
        could stand in the job's way without making it invalid is in the job's `warnings`. Where the token takes permits
        (EIP-2612), allowing and depositing are one transaction; the job's `funded_by` says which way was taken.

        Raises:
            MarketPausedError: the market takes no new jobs at the moment.
            RequirementError: requirements that do not parse.
            TensorError: inputs that do not fit the model.
            ModelError, ArtifactError: no such model, or its manifest is not to be had.
            InputError: no amount, no duration, no token at that address, or a salt of another request.
            TermsError: terms that the contract would refuse.
            InsufficientFundsError: balance, allowance (with `approve=False`) or gas money.
            RevertError: the contract refuses all the same.
        """
        funded = await self._funding.fund(request)
        history = await self._connection.follower.watch(funded.entry.job_id, funded.entry.created_block)
        return AsyncJob(
            self._connection,
            self._models,
            history,
            warnings=funded.warnings,
            funded_by=funded.funded_by,
            keep=self._keep,
        )

    async def sign_order(self, request: JobRequest, *, valid_for: Duration | None = None) -> SignedOrder:
        """A job as a signed order, which costs no gas: an executor that it is given to posts and accepts it at once.

        Inputs are published, nothing is sent. Accept window and ramp run from the chain's newest block. No dispatcher has a
        part in it. The deposit comes from an allowance that the escrow has, else from a permit where the token takes
        one, else through Permit2 where that may take the token. Of several permits that wait only the first to be used
        holds, so sign one order at a time where they are how it is paid.

        Args:
            valid_for: Time in which it can be taken; None: the request's `accept_within`.

        Raises:
            As `fund`; InsufficientFundsError also where the deposit could come from nowhere.
        """
        return await self._ordering.sign(request, valid_for)

    async def cancel_order(self, order: SignedOrder) -> None:
        """Makes an order of one's own void, in one transaction. One that has become a job is not touched.

        Raises:
            InputError: it is somebody else's.
        """
        await self._ordering.cancel(order)

    async def job(self, job_id: str) -> AsyncJob:
        """Any job of this market, one's own or not. Raises JobUnknownError."""
        wanted = parse_job_id(job_id)
        signing = self._connection.signing
        entry = signing.journal.find(wanted) if signing else None
        history = await self._connection.follower.watch(wanted, entry.created_block if entry else None)
        return AsyncJob(self._connection, self._models, history, keep=self._keep)

    async def jobs(self, creator: str | None = None) -> list[Job]:
        """Jobs as the chain has them, oldest first: those of `creator`, or of everyone."""
        return await list_jobs(self._connection, parse_address(creator) if creator else None)

    async def verify(self, receipt: JobReceipt) -> None:
        """Checks a receipt word by word against the chain. Raises ReceiptMismatchError."""
        await receipt.verify(self._connection.reader)

    async def token(self, address: str) -> TokenInfo:
        """How to show amounts of a token. Raises InputError where there is none at the address."""
        return await self._connection.reader.token(parse_address(address))

    async def balances(self, account: str | None = None, *, token: str | None = None) -> Balances:
        """What an account, the client's own unless given, holds and is owed in payment, stake and native coin."""
        return await self._wallet.balances(parse_address(account) if account else self.address, token)

    async def withdraw(self, token: str | None = None) -> list[Withdrawal]:
        """Takes home whatever the contracts owe this account; an empty list where that is nothing."""
        return await self._wallet.withdraw(token)

    async def approve(self, amount: Tokens, token: str | None = None) -> TokenBalance:
        """Lets the escrow take up to `amount` tokens. `fund` does that by itself unless told not to."""
        return await self._wallet.approve(amount, token)

    async def mint_test_tokens(self, amount: Tokens, to: str | None = None) -> Balances:
        """Payment and stake tokens out of nothing, and a coin for gas, on local chains alone. Raises InputError elsewhere."""
        return await self._wallet.mint_test_tokens(amount, to)

    def release_key(self) -> None:
        """Lets another process sign with this key; the next transaction takes it again.

        One key signs in one process at a time: from the first transaction until the client is closed, or until this is
        called. Does nothing while a transaction is under way, or for a client that can only read.
        """
        if self._connection.signing is not None:
            self._connection.signing.release()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Background work ends with the client."""
        self._exits.push_async_callback(_end, task)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
