"""Orders that come straight from their creators, as files: where they wait, and what became of them.

A command puts an order into the home folder, and the agent that works there takes it from there (`order_taker.py`). So the
command needs no key, and stake is promised by the one who keeps count of it.

home/orders/<job id>.json           an order that waits
home/orders/<job id>.answer.json    what became of it
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tallystick.errors import InputError
from tallystick.ids import ZERO_BYTES32, JobId, JobIdField
from tallystick.logs import get_logger
from tallystick.market.book import Job, opened
from tallystick.market.events import JobCreated, LogPosition
from tallystick.market.orders import SignedOrder
from tallystick.market.terms import SigningDomain, job_id_of
from tallystick.service.home import write_atomic

log = get_logger(__name__)

MAX_ORDER_BYTES = 256 * 1024

_ANSWER = ".answer.json"


@dataclass(frozen=True)
class WaitingOrder:
    """`put_at`: nanoseconds; tells one handing-in of the same order from another."""

    job_id: JobId
    signed: SignedOrder
    put_at: int

    def as_job(self) -> Job:
        """The job that it would be, for questions that are asked about jobs."""
        order = self.signed.order
        nowhere = LogPosition(
            block_number=0,
            block_hash=ZERO_BYTES32,
            block_time=order.starts_at,
            transaction_hash=ZERO_BYTES32,
            log_index=0,
        )
        created = JobCreated(
            at=nowhere,
            job_id=self.job_id,
            creator=order.terms.creator,
            opened_at=order.starts_at,
            economy_version=0,
            terms=order.terms,
        )
        return opened(created)


class OrderAnswer(BaseModel):
    """What became of an order. `reason`: why, in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: JobIdField
    taken: bool
    reason: str


def read_order(path: Path) -> SignedOrder:
    """Raises InputError for a file that is missing, too large or no order."""
    try:
        if path.stat().st_size > MAX_ORDER_BYTES:
            raise InputError(f"{path} is larger than any order ({MAX_ORDER_BYTES} bytes).")
        return SignedOrder.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"The order {path} cannot be read: {error.strerror}.", remedy="Check the path.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path} is no signed order: {place}: {first['msg']}.") from error


class OrderBox:
    """The folder through which orders come in and answers go out."""

    def __init__(self, home: Path, domain: SigningDomain) -> None:
        self._folder = home / "orders"
        self._domain = domain

    def put(self, signed: SignedOrder) -> JobId:
        """Hands an order in. What was answered to it before counts no more."""
        job_id = job_id_of(signed.order.terms, self._domain)
        self._answer_place(job_id).unlink(missing_ok=True)
        write_atomic(self._place(job_id), signed.model_dump_json().encode())
        return job_id

    def waiting(self) -> list[WaitingOrder]:
        """What was handed in and not answered. A file that is no order is put aside, and told of once."""
        found = []
        for path in sorted(self._folder.glob("0x*.json")):
            if path.name.endswith(_ANSWER):
                continue
            try:
                signed = read_order(path)
            except InputError as error:
                log.warning("order_unreadable", path=str(path), trouble=error.what)
                path.rename(path.with_suffix(".unreadable"))
            else:
                job_id = job_id_of(signed.order.terms, self._domain)
                found.append(WaitingOrder(job_id, signed, path.stat().st_mtime_ns))
        return found

    def answer(self, job_id: JobId, *, taken: bool, reason: str) -> None:
        """Ends an order's wait."""
        said = OrderAnswer(job_id=job_id, taken=taken, reason=reason)
        write_atomic(self._answer_place(job_id), said.model_dump_json().encode())
        self._place(job_id).unlink(missing_ok=True)

    def answer_to(self, job_id: JobId) -> OrderAnswer | None:
        """None while the order waits."""
        try:
            return OrderAnswer.model_validate_json(self._answer_place(job_id).read_bytes())
        except FileNotFoundError:
            return None

    def _place(self, job_id: JobId) -> Path:
        return self._folder / f"{job_id}.json"

    def _answer_place(self, job_id: JobId) -> Path:
        return self._folder / f"{job_id}{_ANSWER}"
