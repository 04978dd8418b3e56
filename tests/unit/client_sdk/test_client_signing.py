"""Who holds the key: one process at a time, and only while it has something to send."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from client_builders import CREATOR, account, at
from eth_account import Account
from eth_account.messages import encode_defunct

from client_sdk._connection import Signing
from client_sdk._journal import JobJournal
from tallystick.chain.calls import Call
from tallystick.chain.receipts import Receipt

CALL = Call(to=CREATOR, data=b"", description="a call")


class RecordingSender:
    """As much of `Sender` as is asked here; its transactions wait for `mined`."""

    def __init__(self) -> None:
        self.mined = asyncio.Event()
        self.is_open = True

    async def send(self, key: str, call: Call) -> Receipt:
        await self.mined.wait()
        place = at(2)
        return Receipt(key, place.transaction_hash, 2, place.block_hash, 21_000, 7, True, ())

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def opened() -> list[RecordingSender]:
    return []


@pytest.fixture
def signing(opened: list[RecordingSender], tmp_path: Path) -> Signing:
    def open_sender() -> Any:
        opened.append(RecordingSender())
        return opened[-1]

    return Signing(account("creator"), open_sender, JobJournal(tmp_path))


async def send(signing: Signing, opened: list[RecordingSender]) -> None:
    sending = asyncio.create_task(signing.send("key", CALL))
    await asyncio.sleep(0)
    opened[-1].mined.set()
    await sending


async def test_release_given_everything_sent_lets_go_of_the_key(
    signing: Signing, opened: list[RecordingSender]
) -> None:
    await send(signing, opened)

    signing.release()

    assert [one.is_open for one in opened] == [False]


async def test_send_given_a_released_key_takes_it_again(signing: Signing, opened: list[RecordingSender]) -> None:
    await send(signing, opened)
    signing.release()

    await send(signing, opened)

    assert [one.is_open for one in opened] == [False, True]


async def test_release_given_a_transaction_under_way_keeps_the_key(
    signing: Signing, opened: list[RecordingSender]
) -> None:
    sending = asyncio.create_task(signing.send("key", CALL))
    await asyncio.sleep(0)

    signing.release()

    assert opened[0].is_open
    opened[0].mined.set()
    await sending


def test_sign_given_a_message_signs_it_with_the_accounts_key_and_sends_nothing(
    signing: Signing, opened: list[RecordingSender]
) -> None:
    message = encode_defunct(text="a message")

    signature = signing.sign(message)

    assert Account.recover_message(message, signature=signature) == signing.address == CREATOR
    assert opened == []


def test_release_given_nothing_sent_yet_opens_nothing(signing: Signing, opened: list[RecordingSender]) -> None:
    signing.release()

    assert opened == []
