from __future__ import annotations

from pathlib import Path

import pytest
from executor_builders import DOMAIN, NOW, signed_order, terms

from executor.orders import MAX_ORDER_BYTES, OrderBox, read_order
from tallystick.errors import InputError
from tallystick.market.orders import Funding
from tallystick.market.terms import JobStatus, job_id_of


@pytest.fixture
def box(tmp_path: Path) -> OrderBox:
    return OrderBox(tmp_path, DOMAIN)


@pytest.mark.parametrize("funding", list(Funding))
def test_read_order_given_what_was_written_is_the_same_order(tmp_path: Path, funding: Funding) -> None:
    signed = signed_order(funding=funding)
    (tmp_path / "order.json").write_text(signed.model_dump_json())

    assert read_order(tmp_path / "order.json") == signed


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"not json", "is no signed order: the document"),
        (b"{}", "is no signed order: order"),
        (b" " * (MAX_ORDER_BYTES + 1), "is larger than any order"),
    ],
)
def test_read_order_given_another_file_says_what_is_wrong(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "order.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=sentence):
        read_order(path)


def test_waiting_given_an_order_that_was_put_in_finds_it(box: OrderBox) -> None:
    signed = signed_order()

    job_id = box.put(signed)

    [waiting] = box.waiting()
    assert (waiting.job_id, waiting.signed) == (job_id, signed) == (job_id_of(terms(), DOMAIN), signed)


def test_waiting_given_an_order_that_was_answered_does_not_find_it(box: OrderBox) -> None:
    job_id = box.put(signed_order())

    box.answer(job_id, taken=False, reason="too slow")

    assert box.waiting() == []


def test_answer_to_given_an_order_that_waits_is_none(box: OrderBox) -> None:
    assert box.answer_to(box.put(signed_order())) is None


def test_answer_to_given_an_answer_tells_it(box: OrderBox) -> None:
    job_id = box.put(signed_order())
    box.answer(job_id, taken=False, reason="too slow")

    answer = box.answer_to(job_id)

    assert answer is not None
    assert (answer.taken, answer.reason) == (False, "too slow")


def test_put_given_an_order_that_was_answered_before_asks_anew(box: OrderBox) -> None:
    job_id = box.put(signed_order())
    box.answer(job_id, taken=False, reason="no room")

    box.put(signed_order())

    assert (len(box.waiting()), box.answer_to(job_id)) == (1, None)


def test_waiting_given_a_file_that_is_no_order_puts_it_aside_and_goes_on(box: OrderBox, tmp_path: Path) -> None:
    box.put(signed_order())
    (tmp_path / "orders" / ("0x" + "00" * 32 + ".json")).write_text("nonsense")

    assert len(box.waiting()) == 1
    assert len(list((tmp_path / "orders").glob("*.unreadable"))) == 1


def test_as_job_given_an_order_is_an_open_job_from_its_start_on(box: OrderBox) -> None:
    box.put(signed_order())

    [waiting] = box.waiting()

    job = waiting.as_job()
    assert (job.status, job.round, job.opened_at, job.terms) == (JobStatus.OPEN, 1, NOW, terms())
