"""From drawn-up terms to a funded job: written down first, then paid."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._drafting import Drafting, Work
from client_sdk._funds import Grant, require_balance, require_grant
from client_sdk._journal import FundedBy, JournalEntry
from client_sdk._request import JobRequest
from client_sdk._warnings import DispatcherNews, JobWarning, warnings_of
from tallystick.chain.calls import Call
from tallystick.errors import RevertError
from tallystick.logs import get_logger
from tallystick.market.terms import JobStatus, job_id_of

log = get_logger(__name__)


@dataclass(frozen=True)
class Funded:
    """A job that the chain has, and what to know about it.

    Attributes:
        funded_by: How its deposit was allowed; None where the job was funded from elsewhere.
    """

    entry: JournalEntry
    warnings: tuple[JobWarning, ...]

    @property
    def funded_by(self) -> FundedBy | None:
        return self.entry.funded_by


class Funding:
    def __init__(self, connection: Connection, drafting: Drafting) -> None:
        self._connection = connection
        self._drafting = drafting
        # An allowance belongs to the account, so two jobs must not be allowed and created interleaved.
        self._paying = asyncio.Lock()

    async def fund(self, request: JobRequest) -> Funded:
        """See `AsyncClient.fund`."""
        signing = self._connection.signer()
        work = await self._drafting.check(request)
        news = await self._drafting.ask(request, work)
        fingerprint = request.fingerprint(work.model.model_id, work.input_root)
        begun = signing.journal.resumable(fingerprint, request.salt)
        entry = await self._resume(begun) if begun else None
        if entry is None:
            entry = await self._begin(request, work, news, fingerprint)
        return Funded(entry, (*news.warnings, *work.warnings, *warnings_of(news.quote, entry.terms, work.token)))

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

    async def _begin(self, request: JobRequest, work: Work, news: DispatcherNews, fingerprint: str) -> JournalEntry:
        connection = self._connection
        await self._drafting.require_open_market()
        terms = await self._drafting.draw_up(request, work, news.address)
        job_id = job_id_of(terms, connection.reader.deployment.domain())
        entry = JournalEntry(fingerprint=fingerprint, job_id=job_id, terms=terms)
        if await self._is_known(entry):
            # Funded from elsewhere, with the same salt: asking again pays nothing.
            return entry
        await require_balance(connection, terms, work.token, needs_gas=True)
        async with self._paying:
            grant = await require_grant(connection, terms, work.token, job_id=job_id, approve=request.approve)
            entry = _granted(entry, grant)
            connection.signer().journal.write(entry)
            try:
                return await self._create(entry)
            except RevertError:
                if not await self._is_known(entry):
                    self._forget(entry)
                raise

    async def _create(self, entry: JournalEntry) -> JournalEntry:
        if entry.created_block is not None and await self._is_known(entry):
            return entry
        signing = self._connection.signer()
        receipt = await signing.send(_key(entry), self._call(entry))
        settled = entry.model_copy(
            update={"created_block": receipt.block_number, "created_in": receipt.transaction_hash}
        )
        signing.journal.write(settled)
        log.info(
            "job_funded",
            job_id=entry.job_id,
            block=receipt.block_number,
            gas=receipt.gas_used,
            funded_by=entry.funded_by,
        )
        return settled

    def _call(self, entry: JournalEntry) -> Call:
        """The same for an entry whenever it is asked for, so that it is sent once."""
        calls = self._connection.calls
        return (
            calls.create_job_with_permit(entry.terms, entry.permit) if entry.permit else calls.create_job(entry.terms)
        )

    def _forget(self, entry: JournalEntry) -> None:
        """The chain has refused the job, so that no transaction of it is under way any more."""
        signing = self._connection.signer()
        signing.forget(_key(entry))
        signing.journal.forget(entry)

    async def _is_known(self, entry: JournalEntry) -> bool:
        return (await self._connection.reader.job_state(entry.job_id)).status is not JobStatus.NONE


def _granted(entry: JournalEntry, grant: Grant) -> JournalEntry:
    return entry.model_copy(update={"funded_by": grant.funded_by, "permit": grant.permit})


def _key(entry: JournalEntry) -> str:
    return f"create:{entry.job_id}"
