"""Jobs that are about to be paid for, written down before any money moves.

One small file a job, replaced whole. A request that died on the way finds its own terms here, so that asking again
goes on with the same job instead of paying for a second one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tallystick.errors import InputError
from tallystick.ids import Bytes32Field, JobId, JobIdField
from tallystick.market.permits import TokenPermit
from tallystick.market.terms import JobTerms

FundedBy = Literal["allowance", "permit", "approval"]
"""How a deposit was allowed. `allowance`: one that the escrow had. `permit`: a signature on the way, in one transaction.
`approval`: a transaction before."""


class JournalEntry(BaseModel):
    """A job and how far its funding came.

    Attributes:
        fingerprint: Of the request.
        funded_by: None for a job that was funded from elsewhere.
        permit: What the creating transaction carries, written down so that it is the same transaction after a crash.
        created_block: Where the chain created it; None while that is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    fingerprint: str
    job_id: JobIdField
    terms: JobTerms
    funded_by: FundedBy | None = None
    permit: TokenPermit | None = None
    created_block: int | None = None
    created_in: Bytes32Field | None = None


class JobJournal:
    """The entries of one account on one network.

    Args:
        folder: Made when the first entry is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, entry: JournalEntry) -> None:
        """Keeps the entry; on return it is on disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._place(entry).with_suffix(f".{os.getpid()}.part")
        with temporary.open("w") as file:
            file.write(entry.model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._place(entry))

    def forget(self, entry: JournalEntry) -> None:
        """For a job that is known not to have been created."""
        self._place(entry).unlink(missing_ok=True)

    def find(self, job_id: JobId) -> JournalEntry | None:
        return next((entry for entry in self.entries() if entry.job_id == job_id), None)

    def resumable(self, fingerprint: str, salt: int | None) -> JournalEntry | None:
        """The job that the same request began: by its salt where it has one, else one that is not settled yet.

        Raises:
            InputError: the salt belongs to another request.
        """
        for entry in self.entries():
            if salt is not None and entry.terms.salt == salt:
                if entry.fingerprint == fingerprint:
                    return entry
                raise InputError(
                    f"Salt {salt} already stands for job {entry.job_id}, whose request was another.",
                    remedy="Repeat that request as it was, or choose another salt.",
                )
            if salt is None and entry.fingerprint == fingerprint and entry.created_block is None:
                return entry
        return None

    def entries(self) -> Iterator[JournalEntry]:
        """All of them, in no particular order. Raises InputError for a file that was damaged from outside."""
        for place in sorted(self._folder.glob("*.json")):
            try:
                yield JournalEntry.model_validate_json(place.read_text())
            except ValidationError as error:
                raise InputError(
                    f"The journal {place} cannot be read: {error.error_count()} faults.",
                    remedy="Look at the job on the chain before you move the file away: it may have been paid for.",
                ) from error

    def _place(self, entry: JournalEntry) -> Path:
        return self._folder / f"{entry.terms.salt:020d}.json"
