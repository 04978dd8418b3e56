"""The journal: what was signed is on disk before anyone else can know it."""

import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from chain_samples import OPERATOR, address

from tallystick.chain.calls import Call
from tallystick.chain.fees import Fees
from tallystick.chain.journal import Attempt, Journal, State, same_call
from tallystick.errors import InputError
from tallystick.ids import Bytes32

CALL = Call(to=address(1), data=b"\x01\x02", description="do it", value=2**100)


def attempt(number: int, max_fee: int = 2**70) -> Attempt:
    return Attempt(
        transaction_hash=Bytes32("0x" + bytes([number] * 32).hex()),
        raw=bytes([number] * 100),
        gas=21_000,
        fees=Fees(max_fee=max_fee, priority_fee=1),
        signed_at=1_700_000_000 + number,
    )


def open_journal(path, chain_id=31337, account=OPERATOR):
    return Journal(path, chain_id=chain_id, address=account)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sent" / "journal.sqlite"


@pytest.fixture
def journal(path):
    held = open_journal(path)
    yield held
    held.close()


def signed(journal, key, nonce):
    journal.intend(key, CALL)
    journal.sign(key, nonce, attempt(nonce))


# ---- steps ------------------------------------------------------------------------------------------------------------


def test_find_given_an_unknown_key_is_none(journal):
    assert journal.find("claim:1") is None


def test_intend_keeps_the_call(journal):
    journal.intend("k", CALL)
    entry = journal.get("k")
    assert (entry.state, entry.call, entry.nonce, entry.attempts) == (State.INTENT, CALL, None, ())


def test_intend_again_changes_nothing(journal):
    signed(journal, "k", 3)
    journal.intend("k", CALL)
    assert journal.get("k").state is State.SIGNED


def test_sign_keeps_nonce_and_bytes(journal):
    signed(journal, "k", 3)
    entry = journal.get("k")
    assert (entry.state, entry.nonce, entry.attempts) == (State.SIGNED, 3, (attempt(3),))


def test_sign_again_adds_an_attempt_and_keeps_the_state(journal):
    signed(journal, "k", 3)
    journal.mark_broadcast("k")
    journal.sign("k", 3, attempt(9, max_fee=2**71))
    entry = journal.get("k")
    assert (entry.state, [held.transaction_hash[:4] for held in entry.attempts]) == (State.BROADCAST, ["0x03", "0x09"])


def test_sign_given_a_nonce_of_another_entry_is_impossible(journal):
    signed(journal, "one", 3)
    journal.intend("two", CALL)
    with pytest.raises(sqlite3.IntegrityError):
        journal.sign("two", 3, attempt(4))


@pytest.mark.parametrize(("key", "nonce"), [("k", 4), ("unknown", 4)])
def test_sign_given_another_nonce_than_the_entry_has_is_impossible(journal, key, nonce):
    signed(journal, "k", 3)
    with pytest.raises(ValueError, match="another nonce than 4"):
        journal.sign(key, nonce, attempt(9))
    assert len(journal.get("k").attempts) == 1


def test_sign_that_fails_half_way_leaves_no_trace(journal):
    signed(journal, "one", 3)
    journal.intend("two", CALL)
    with pytest.raises(sqlite3.IntegrityError):
        journal.sign("two", 4, attempt(3))  # the same bytes twice
    assert journal.get("two").state is State.INTENT


def test_settle_keeps_outcome_and_block(journal):
    signed(journal, "k", 3)
    journal.settle("k", State.MINED, '{"receipt":1}', 17)
    entry = journal.get("k")
    assert (entry.state, entry.outcome, entry.block_number) == (State.MINED, '{"receipt":1}', 17)


def test_mark_broadcast_after_settling_forgets_the_outcome(journal):
    signed(journal, "k", 3)
    journal.settle("k", State.MINED, "{}", 17)
    journal.mark_broadcast("k")
    entry = journal.get("k")
    assert (entry.state, entry.outcome, entry.block_number) == (State.BROADCAST, None, None)


def test_forget_frees_the_key_and_its_attempts(journal):
    signed(journal, "k", 3)
    journal.forget("k")
    signed(journal, "k", 3)
    assert len(journal.get("k").attempts) == 1


# ---- what is left to do -----------------------------------------------------------------------------------------------


def test_next_nonce_follows_the_highest_that_was_signed_for(journal):
    signed(journal, "a", 7)
    signed(journal, "b", 4)
    journal.intend("c", CALL)
    assert journal.next_nonce() == 8


def test_next_nonce_of_a_new_journal_is_zero(journal):
    assert journal.next_nonce() == 0


def test_unsettled_lists_what_is_not_over_by_nonce_and_intents_last(journal):
    journal.intend("intent", CALL)
    signed(journal, "second", 5)
    signed(journal, "first", 4)
    signed(journal, "over", 3)
    journal.settle("over", State.MINED, "{}", 10)
    assert [entry.key for entry in journal.unsettled(since_block=11)] == ["first", "second", "intent"]


def test_unsettled_lists_what_a_reorganisation_could_still_undo(journal):
    for nonce, (key, state) in enumerate([("mined", State.MINED), ("refused", State.FAILED), ("deep", State.MINED)]):
        signed(journal, key, nonce)
        journal.settle(key, state, "{}", 10 if key != "deep" else 9)
    assert [entry.key for entry in journal.unsettled(since_block=10)] == ["mined", "refused"]


def test_from_nonce_lists_entries_from_there_on(journal):
    for nonce in (5, 3, 4):
        signed(journal, str(nonce), nonce)
    assert [entry.key for entry in journal.from_nonce(4)] == ["4", "5"]


# ---- on disk ----------------------------------------------------------------------------------------------------------


def test_journal_opened_again_holds_everything(path):
    first = open_journal(path)
    signed(first, "k", 3)
    entry = first.get("k")
    first.close()
    second = open_journal(path)
    found = second.get("k")
    second.close()
    assert found == entry


def test_journal_flushes_every_step(journal, path):
    """FULL is what makes a commit survive a power cut in WAL mode."""
    [synchronous] = journal._database.execute("PRAGMA synchronous").fetchone()
    [mode] = journal._database.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, mode) == (2, "wal")


def test_journal_is_for_its_owners_eyes(journal, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("chain_id", "account"), [(1, OPERATOR), (31337, address(9))], ids=["chain", "account"])
def test_journal_of_another_account_or_chain_is_refused(path, chain_id, account):
    open_journal(path).close()
    with pytest.raises(InputError, match="belongs to another account or chain"):
        open_journal(path, chain_id, account)


def test_journal_refused_once_can_be_opened_by_its_owner(path):
    open_journal(path).close()
    with pytest.raises(InputError):
        open_journal(path, chain_id=1)
    open_journal(path).close()


def test_journal_given_some_other_file_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at " * 10)
    with pytest.raises(InputError, match="is not a journal"):
        open_journal(path)


def test_journal_opened_twice_names_the_process_that_holds_it(journal, path):
    with pytest.raises(InputError, match=f"in use by process {os.getpid()}"):
        open_journal(path)


def test_journal_held_by_another_process_is_refused_until_it_dies(path):
    code = (
        "import sys; from pathlib import Path; from tallystick.chain.journal import lock_journal;"
        "lock_journal(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InputError, match=f"in use by process {holder.pid}"):
            open_journal(path)
        holder.kill()
    open_journal(path).close()


def test_same_call_looks_at_what_it_does_and_not_at_its_words():
    other_words = Call(to=CALL.to, data=CALL.data, description="other words", value=CALL.value)
    other_value = Call(to=CALL.to, data=CALL.data, description=CALL.description)
    assert (same_call(CALL, other_words), same_call(CALL, other_value)) == (True, False)
