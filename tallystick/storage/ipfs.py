"""IPFS through a daemon's HTTP API (kubo, js-ipfs). The only importer of ipfshttpclient.

The daemon is not trusted with content: what it hands out is checked against the CID, and what it takes must get the CID
that this project computes, so that the same content has the same CID in every store.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import ipfshttpclient
from ipfshttpclient import exceptions as ipfs_errors
from urllib3.exceptions import HTTPError

from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    InputError,
    StoreUnavailableError,
)
from tallystick.logs import get_logger
from tallystick.storage.cid import Cid, parse_cid
from tallystick.storage.file_reader import holds_file, read_file, read_node, too_large
from tallystick.storage.file_tree import CHUNK_BYTES, LINKS_PER_NODE, cid_of
from tallystick.storage.store import DEFAULT_MAX_BYTES
from tallystick.units import format_size

LOCAL_SECONDS = 2
"""How long a daemon may look for a block in its own repo. One that does not know `offline` waits for peers instead."""

GRACE_SECONDS = 5.0
"""The daemon gets its time limit, and this much more to say that it is over."""

PIECE_BYTES = 64 * 1024

_PLAIN = {"Accept-Encoding": "identity"}
_NOT_FOUND = ("not found", "could not find", "timed out", "deadline exceeded")
_LAYOUT = {
    # All spelled out: a daemon's operator can change every one of these defaults.
    "cid-version": "1",
    "hash": "sha2-256",
    "chunker": f"size-{CHUNK_BYTES}",
    "raw-leaves": "true",
    "trickle": "false",
    "max-file-links": str(LINKS_PER_NODE),
    "cid-base": "base32",  # js-ipfs answers in base58 otherwise
    "pin": "true",
}

# The client hands urllib3 a parameter that it ignores since version 2 and says so at every call; no user can act on it.
warnings.filterwarnings("ignore", message="The 'strict' parameter is no longer needed", category=FutureWarning)

T = TypeVar("T")
log = get_logger(__name__)


class IpfsStore:
    """A `Store` behind a daemon. Nothing is connected until the first call; safe to share between threads.

    Args:
        api: The API's multiaddr, for example `/ip4/127.0.0.1/tcp/5001`.
        timeout_seconds: How long any one call may take; a `get` of content that no peer has takes all of it.
        max_artifact_bytes: `put` refuses more.

    Raises:
        InputError: not such an address.
    """

    def __init__(self, api: str, *, timeout_seconds: float = 60.0, max_artifact_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._api = api
        self._timeout_seconds = timeout_seconds
        self._max_artifact_bytes = max_artifact_bytes
        try:
            # Not `connect()`: it asks for the daemon's version and warns of every one since 2021, although the four
            # calls used here are the same in all of them. A user name would come from the environment if not given.
            self._client = ipfshttpclient.Client(
                api, timeout=timeout_seconds + GRACE_SECONDS, username=None, password=None
            )
        except (ipfs_errors.AddressError, ValueError) as error:
            raise InputError(
                f"{api!r} is not the address of an IPFS API: {error}.", remedy="Write it like /ip4/127.0.0.1/tcp/5001."
            ) from error

    def put(self, data: bytes) -> str:
        """See `Store.put`. The daemon also pins it."""
        if len(data) > self._max_artifact_bytes:
            raise ArtifactTooLargeError(
                f"The content is {format_size(len(data))}; this store takes {format_size(self._max_artifact_bytes)} "
                f"at most.",
                remedy="Split it, or open the store with a larger bound.",
            )
        expected = str(cid_of(data))
        answered = self._ask(lambda: self._client.add_bytes(data, opts=dict(_LAYOUT)))
        if answered != expected:
            raise StoreUnavailableError(
                f"The IPFS daemon at {self._api} keeps the content as {answered} instead of {expected}.",
                remedy="Set its Import options (chunker, links per node) back to their defaults, or use another daemon.",
            )
        return expected

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """See `Store.get`."""
        root = parse_cid(cid)
        if root.codec == "raw":
            return read_file(self, root, max_bytes)
        # A tree in one stream, in which a daemon fetches ahead, and block by block only where that does not add up:
        # damaged on the way, or laid out in another way than this project does.
        size_bytes = read_node(self, root).content_bytes
        if size_bytes > max_bytes:
            raise too_large(root, format_size(size_bytes), max_bytes)
        streamed = self._stream("cat", root, size_bytes)
        if cid_of(streamed) == root:
            return streamed
        log.info("blocks_reread", cid=cid, declared_bytes=size_bytes, streamed_bytes=len(streamed))
        return read_file(self, root, max_bytes)

    def has(self, cid: str) -> bool:
        """See `Store.has`. About the daemon's own repo, not about its peers'."""
        return holds_file(self, parse_cid(cid))

    def fetch(self, cid: Cid, limit: int) -> bytes:
        """See `BlockSource.fetch`."""
        return self._stream("block/get", cid, limit)

    def holds(self, cid: Cid) -> bool:
        """See `BlockSource.holds`."""
        opts = {"timeout": f"{LOCAL_SECONDS}s"}
        try:
            self._ask(lambda: self._client.block.stat(str(cid), offline=True, opts=opts), of=cid)
        except ArtifactMissingError:
            return False
        return True

    def damaged(self, cid: Cid, finding: str) -> ArtifactCorruptError:
        """See `BlockSource.damaged`."""
        return ArtifactCorruptError(
            f"Block {cid} came damaged from the IPFS daemon at {self._api}: {finding}.",
            remedy="Check the daemon with `ipfs repo verify`, or read from another store.",
        )

    def _stream(self, command: str, cid: Cid, limit: int) -> bytes:
        """At most one piece more than `limit`; bounded in time as a whole, not only between two pieces."""
        query = [("timeout", f"{self._timeout_seconds * 1000:.0f}ms"), ("arg", str(cid))]
        return self._ask(lambda: self._collect(command, query, limit), of=cid)

    def _collect(self, command: str, query: list[tuple[str, str]], limit: int) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds + GRACE_SECONDS
        content = bytearray()
        # The client's public calls would read an answer in pieces of the daemon's choosing, so that neither its length
        # nor its pace could be bounded. This is the call below them, and below that the response; all are pinned.
        closables, _ = self._client._client._request(
            "POST", command, query, auth=None, data=None, headers=_PLAIN, timeout=None, chunk_size=None
        )
        with ExitStack() as stack:
            for closable in closables:
                stack.callback(closable.close)
            response = closables[0].raw
            while len(content) <= limit and (piece := response.read1(PIECE_BYTES, decode_content=False)):
                content += piece
                if time.monotonic() > deadline:
                    raise TimeoutError("its answer trickles in too slowly")
        return bytes(content)

    def _ask(self, call: Callable[[], T], *, of: Cid | None = None) -> T:
        try:
            return call()
        except ipfs_errors.ErrorResponse as error:
            raise self._refusal(error, of) from error
        except ipfs_errors.TimeoutError as error:
            raise self._unavailable(f"did not answer within {self._timeout_seconds:g} s") from error
        except (AssertionError, KeyError, TypeError) as error:
            # The client expects the form of an answer without checking it.
            raise self._unavailable(f"answered in a form that no IPFS daemon uses: {error!r}") from error
        except (ipfs_errors.Error, HTTPError, OSError) as error:
            # What breaks while a response is being read arrives as the error of the library below.
            raise self._unavailable(f"cannot be reached or used: {error}") from error

    def _refusal(
        self, error: ipfs_errors.ErrorResponse, cid: Cid | None
    ) -> ArtifactMissingError | StoreUnavailableError:
        said = str(error)
        if cid is not None and any(words in said.lower() for words in _NOT_FOUND):
            return ArtifactMissingError(
                f"The IPFS daemon at {self._api} did not find {cid}: {said}.",
                remedy="Check that some node provides it and that the daemon has peers, or ask the store that has it.",
            )
        return self._unavailable(f"refused: {said}")

    def _unavailable(self, what: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The IPFS daemon at {self._api} {what}.", remedy="Check that it runs and that this is its API's address."
        )
