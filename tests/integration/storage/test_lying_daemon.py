"""The IPFS store against a small HTTP server that answers as a broken or hostile daemon would."""

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    StoreUnavailableError,
)
from tallystick.storage import ipfs
from tallystick.storage.cid import node_cid, raw_cid
from tallystick.storage.file_tree import CHUNK_BYTES, blocks_of

pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter")

Answer = Callable[[BaseHTTPRequestHandler, str], None]
CONTENT = b"a" * CHUNK_BYTES + b"b" * 100
BLOCKS = {str(block.cid): block.data for block in blocks_of(CONTENT)}
ROOT = list(BLOCKS)[-1]
TIMEOUT_SECONDS = 1.0
"""Long enough for an answer on a busy machine."""
OVER = threading.Event()
"""Set when a test no longer needs its daemon."""


def body(data: bytes, status: int = 200) -> Answer:
    def answer(request: BaseHTTPRequestHandler, _: str) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


def error(message: str) -> Answer:
    return body(json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode(), status=500)


def truncated(request: BaseHTTPRequestHandler, _: str) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"the first few")


def endless(request: BaseHTTPRequestHandler, _: str) -> None:
    request.send_response(200)
    request.end_headers()
    for _piece in itertools.count():
        request.wfile.write(bytes(65536))


def trickling(request: BaseHTTPRequestHandler, _: str) -> None:
    request.send_response(200)
    request.end_headers()
    gone = threading.Event()
    while not gone.wait(0.02):
        request.wfile.write(b"x")
        request.wfile.flush()


def silent(request: BaseHTTPRequestHandler, _: str) -> None:
    OVER.wait(60)


def blocks(request: BaseHTTPRequestHandler, query: str) -> None:
    (cid,) = (part.removeprefix("arg=") for part in query.split("&") if part.startswith("arg="))
    body(BLOCKS[cid])(request, query)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ipfs.IpfsStore, dict[str, Answer]]]:
    """A store, and the answers by command, for the test to fill, of the server behind it."""
    monkeypatch.setattr(ipfs, "GRACE_SECONDS", 0.1)
    answers: dict[str, Answer] = {}
    OVER.clear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            # the store hangs up when it has had enough, which is what some tests are about
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                answers[parts.path.removeprefix("/api/v0/")](self, parts.query)

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield ipfs.IpfsStore(f"/ip4/127.0.0.1/tcp/{server.server_port}", timeout_seconds=TIMEOUT_SECONDS), answers
    OVER.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_get_given_another_block_than_asked_for_is_refused(daemon) -> None:
    store, answers = daemon
    answers["block/get"] = body(b"something else")

    with pytest.raises(ArtifactCorruptError, match=f"{raw_cid(b'right')}.*tcp"):
        store.get(str(raw_cid(b"right")))


def test_get_given_an_endless_answer_stops_at_the_bound(daemon) -> None:
    store, answers = daemon
    answers["block/get"] = endless

    with pytest.raises(ArtifactTooLargeError):
        store.get(str(raw_cid(b"right")), max_bytes=100_000)


def test_get_given_an_endless_first_node_stops_at_the_bound_of_a_block(daemon) -> None:
    store, answers = daemon
    answers["block/get"] = endless

    with pytest.raises(ArtifactTooLargeError):
        store.get(str(node_cid(b"right")))


@pytest.mark.parametrize("lie", [body(b"not the content"), body(CONTENT[:-1]), body(CONTENT + b"!"), endless])
def test_get_given_a_wrong_stream_reads_the_blocks_instead(daemon, lie: Answer) -> None:
    store, answers = daemon
    answers["cat"] = lie
    answers["block/get"] = blocks

    assert store.get(ROOT) == CONTENT


@pytest.mark.parametrize("breaking", [truncated, trickling, silent])
def test_get_given_an_answer_that_never_completes_gives_up_in_time(daemon, breaking: Answer) -> None:
    store, answers = daemon
    answers["block/get"] = breaking

    with pytest.raises(StoreUnavailableError):
        store.get(str(raw_cid(b"right")))


@pytest.mark.parametrize(
    "message",
    [
        "block was not found locally (offline): ipld: could not find bafkrei",
        "Failed to get block: request timed out",
        "context deadline exceeded",
    ],
)
def test_get_given_that_the_daemon_found_nothing_says_that_it_is_missing(daemon, message: str) -> None:
    store, answers = daemon
    answers["block/get"] = error(message)

    with pytest.raises(ArtifactMissingError, match="did not find"):
        store.get(str(raw_cid(b"right")))


@pytest.mark.parametrize("answer", [error("lock held by another process"), body(b"<html>", status=404), body(b"", 403)])
def test_get_given_another_refusal_says_that_the_store_is_unavailable(daemon, answer: Answer) -> None:
    store, answers = daemon
    answers["block/get"] = answer

    with pytest.raises(StoreUnavailableError):
        store.get(str(raw_cid(b"right")))


def test_has_given_that_the_daemon_found_nothing_is_false(daemon) -> None:
    store, answers = daemon
    answers["block/stat"] = error("Failed to get block stats: request timed out")

    assert not store.has(str(raw_cid(b"right")))


def test_has_given_a_silent_daemon_is_an_error_and_not_a_no(daemon) -> None:
    store, answers = daemon
    answers["block/stat"] = silent

    with pytest.raises(StoreUnavailableError, match=r"did not answer within 1 s"):
        store.has(str(raw_cid(b"right")))


def test_put_given_another_cid_than_ours_is_an_error_with_both(daemon) -> None:
    store, answers = daemon
    other = str(raw_cid(b"other"))
    answers["add"] = body(json.dumps({"Name": "bytes", "Hash": other, "Size": "5"}).encode())

    with pytest.raises(StoreUnavailableError, match=f"{other} instead of {raw_cid(b'right')}"):
        store.put(b"right")


@pytest.mark.parametrize("answer", [body(b"not JSON"), body(b"{}"), body(b""), body(b'{"Hash": 1}\n{"Hash": 2}')])
def test_put_given_an_answer_that_makes_no_sense_is_an_error_of_ours(daemon, answer: Answer) -> None:
    store, answers = daemon
    answers["add"] = answer

    with pytest.raises(StoreUnavailableError):
        store.put(b"right")
