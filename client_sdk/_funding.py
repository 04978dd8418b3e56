"""From a request to a funded job: everything is checked first, then written down, then paid."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._funds import require_allowance, require_balance
from client_sdk._inputs import quantise_milestones
from client_sdk._journal import JournalEntry
from client_sdk._models import ModelHandle, Models
from client_sdk._request import JobRequest, Surroundings, build_terms, check_texts
from client_sdk._warnings import DispatcherNews, JobWarning, ask_dispatcher, warnings_of
from tallystick.chain.views import TokenInfo
from tallystick.errors import InputError, RevertError
from tallystick.ids import Address, Bytes32, bytes32, parse_address, parse_model_id
from tallystick.logs import get_logger
from tallystick.market.manifests import ArtifactRef, JobManifest
from tallystick.market.terms import JobStatus, JobTerms, job_id_of
from tallystick.merkle import milestones_root
from tallystick.storage.manifests import put_manifest
from tallystick.tensors import QuantisedTensors
from tallystick.wire.api import QuoteRequest

log = get_logger(__name__)


@dataclass(frozen=True)
class Funded:
    """A job that the chain has, and what to know about it."""

    entry: JournalEntry
    warnings: tuple[JobWarning, ...]


@dataclass(frozen=True)
class _Work:
    """A request whose inputs were checked."""

    model: ModelHandle
    tensors: tuple[QuantisedTensors, ...]
    input_root: Bytes32
    token: TokenInfo


class Funding:
    def __init__(self, connection: Connection, models: Models) -> None:
        self._connection = connection
        self._models = models
        # An allowance belongs to the account, so two jobs must not be approved and created interleaved.
        self._paying = asyncio.Lock()

    async def fund(self, request: JobRequest) -> Funded:
        """See `AsyncClient.fund`."""
        signing = self._connection.signer()
        check_texts(request)
        work = await self._check_work(request)
        news = await self._ask(request, work)
        fingerprint = request.fingerprint(work.model.model_id, work.input_root)
        begun = signing.journal.resumable(fingerprint, request.salt)
        entry = await self._resume(begun) if begun else None
        if entry is None:
            entry = await self._begin(request, work, news, fingerprint)
        return Funded(entry, (*news.warnings, *warnings_of(news.quote, entry.terms, work.token)))

    async def _resume(self, entry: JournalEntry) -> JournalEntry | None:
        """The job that was begun, now created; None where the chain has come to refuse it and never took it."""
        log.info("job_resumed", job_id=entry.job_id)
        async with self._paying:
            try:
                return await self._create(entry)
            except RevertError:
                if await self._is_known(entry):
                    raise
                self._forget(entry)
                return None

    async def _begin(self, request: JobRequest, work: _Work, news: DispatcherNews, fingerprint: str) -> JournalEntry:
        connection = self._connection
        terms = await self._draw_up(request, work, news)
        job_id = job_id_of(terms, connection.reader.deployment.domain())
        entry = JournalEntry(fingerprint=fingerprint, job_id=job_id, terms=terms)
        if await self._is_known(entry):
            # Funded from elsewhere, with the same salt: asking again pays nothing.
            return entry
        await require_balance(connection, terms, work.token)
        async with self._paying:
            await require_allowance(connection, terms, work.token, job_id=job_id, approve=request.approve)
            connection.signer().journal.write(entry)
            try:
                return await self._create(entry)
            except RevertError:
                if not await self._is_known(entry):
                    self._forget(entry)
                raise

    async def _check_work(self, request: JobRequest) -> _Work:
        model = request.model
        if not isinstance(model, ModelHandle):
            model = await self._models.get(parse_model_id(model))
        tensors = quantise_milestones(request.inputs, model.inputs, request.milestones)
        root = bytes32(milestones_root([one.root() for one in tensors]))
        return _Work(model, tensors, root, await self._connection.reader.token(self._token_of(request)))

    def _token_of(self, request: JobRequest) -> Address:
        token = request.payment_token or self._connection.reader.deployment.tokens.payment
        if token is None:
            raise InputError("This deployment has no payment token of its own.", remedy="Name one: payment_token.")
        return parse_address(token)

    async def _ask(self, request: JobRequest, work: _Work) -> DispatcherNews:
        question = QuoteRequest(
            requirements=request.requirements,
            model_id=work.model.model_id,
            milestones=len(work.tensors),
            payment_token=work.token.address,
        )
        domain = self._connection.reader.deployment.domain()
        return await ask_dispatcher(self._connection.dispatcher, question, domain)

    async def _draw_up(self, request: JobRequest, work: _Work, news: DispatcherNews) -> JobTerms:
        """Publishes the inputs and says exactly what is offered. Nothing is paid yet."""
        reader = self._connection.reader
        stake = await reader.token(reader.deployment.tokens.stake)
        around = Surroundings(
            creator=self._connection.signer().address,
            payment_token=work.token.address,
            payment_decimals=work.token.decimals,
            stake_decimals=stake.decimals,
            min_lock=await reader.min_lock(),
            dispatcher=news.address,
        )
        manifest = await asyncio.to_thread(self._publish, request, work)
        return build_terms(
            request,
            around,
            model_id=work.model.model_id,
            input_root=work.input_root,
            manifest=manifest.digest(),
            milestones=len(work.tensors),
            salt=secrets.randbits(64) if request.salt is None else request.salt,
        )

    async def _create(self, entry: JournalEntry) -> JournalEntry:
        if entry.created_block is not None and await self._is_known(entry):
            return entry
        signing = self._connection.signer()
        receipt = await signing.send(_key(entry), self._connection.calls.create_job(entry.terms))
        settled = entry.model_copy(
            update={"created_block": receipt.block_number, "created_in": receipt.transaction_hash}
        )
        signing.journal.write(settled)
        log.info("job_funded", job_id=entry.job_id, block=receipt.block_number, gas=receipt.gas_used)
        return settled

    def _forget(self, entry: JournalEntry) -> None:
        """The chain has refused the job, so that no transaction of it is under way any more."""
        signing = self._connection.signer()
        signing.forget(_key(entry))
        signing.journal.forget(entry)

    async def _is_known(self, entry: JournalEntry) -> bool:
        return (await self._connection.reader.job_state(entry.job_id)).status is not JobStatus.NONE

    def _publish(self, request: JobRequest, work: _Work) -> JobManifest:
        """The manifest is kept last, so that whoever can read it can read what it names."""
        store = self._connection.store
        contents = [tensors.encode() for tensors in work.tensors]
        manifest = JobManifest(
            model_id=work.model.model_id,
            requirements=request.requirements,
            inputs=tuple(ArtifactRef(cid=store.put(content), size_bytes=len(content)) for content in contents),
            note=request.note,
        )
        put_manifest(store, manifest)
        return manifest


def _key(entry: JournalEntry) -> str:
    return f"create:{entry.job_id}"
