"""Known answers: what a js-ipfs daemon's `add` with CID version 1 says of the same content (`make test-ipfs` asks it again)."""

import json
from pathlib import Path

import pytest

from tallystick.storage.cid import raw_cid
from tallystick.storage.file_tree import CHUNK_BYTES, LINKS_PER_NODE, blocks_of, cid_of
from tallystick.storage.unixfs import decode_node

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cids.json").read_text())


def content_of(size_bytes: int) -> bytes:
    text: bytes = VECTORS["text"].encode()
    return (text * (size_bytes // len(text) + 1))[:size_bytes]


@pytest.mark.parametrize(("size_bytes", "cid"), [(int(size), cid) for size, cid in VECTORS["cids"].items()])
def test_cid_of_given_repeated_text_is_what_ipfs_add_answers(size_bytes: int, cid: str) -> None:
    assert str(cid_of(content_of(size_bytes))) == cid


def test_blocks_of_given_one_chunk_is_that_chunk_alone() -> None:
    content = content_of(CHUNK_BYTES)

    assert [block.data for block in blocks_of(content)] == [content]


def test_blocks_of_given_one_byte_more_is_two_leaves_and_then_their_node() -> None:
    content = content_of(CHUNK_BYTES + 1)

    first, second, root = blocks_of(content)

    assert (first.data, second.data) == (content[:CHUNK_BYTES], content[CHUNK_BYTES:])
    assert [branch.cid for branch in decode_node(root.cid, root.data).branches] == [first.cid, second.cid]


def test_blocks_of_given_one_chunk_more_than_a_node_links_has_a_second_level() -> None:
    *_, full, rest, root = blocks_of(content_of(LINKS_PER_NODE * CHUNK_BYTES + 1))

    widths = [len(decode_node(block.cid, block.data).branches) for block in (full, rest, root)]
    assert widths == [LINKS_PER_NODE, 1, 2]


def test_blocks_of_given_any_content_names_each_block_by_its_hash() -> None:
    assert all(block.cid.names(block.data) for block in blocks_of(content_of(3 * CHUNK_BYTES)))


def test_cid_of_given_nothing_is_that_of_an_empty_block() -> None:
    assert cid_of(b"") == raw_cid(b"")
