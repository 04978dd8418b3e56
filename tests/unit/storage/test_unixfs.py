import pytest

from tallystick.errors import ArtifactCorruptError, InputError
from tallystick.storage.cid import node_cid, raw_cid
from tallystick.storage.protobuf import bytes_field, varint_field
from tallystick.storage.unixfs import Branch, FileNode, decode_node

LEAF = raw_cid(b"leaf")


def node_block(inside: bytes, *links: bytes) -> bytes:
    return b"".join(bytes_field(2, link) for link in links) + bytes_field(1, inside)


def link_to_leaf() -> bytes:
    return bytes_field(1, LEAF.to_bytes()) + bytes_field(2, b"") + varint_field(3, 4)


def unixfs(kind: int, *, size: int | None = None, sizes: tuple[int, ...] = (), data: bytes = b"") -> bytes:
    return (
        varint_field(1, kind)
        + (bytes_field(2, data) if data else b"")
        + (varint_field(3, size) if size is not None else b"")
        + b"".join(varint_field(4, each) for each in sizes)
    )


def test_decode_node_given_an_encoded_one_gives_it_back() -> None:
    node = FileNode((Branch(LEAF, 4, 4), Branch(node_cid(b"x"), 300_000, 300_100)), b"inline")
    block = node.encode()

    assert decode_node(node_cid(block), block) == node


def test_encode_given_two_leaves_has_the_bytes_of_the_specifications() -> None:
    node = FileNode((Branch(LEAF, 4, 4), Branch(LEAF, 4, 4)))

    assert node.encode() == node_block(unixfs(2, size=8, sizes=(4, 4)), link_to_leaf(), link_to_leaf())


def test_decode_node_given_a_leaf_with_inline_data_has_that_content() -> None:
    block = node_block(unixfs(2, size=5, data=b"hello"))

    assert decode_node(node_cid(block), block).data == b"hello"


def test_decode_node_given_a_mode_and_a_time_ignores_them() -> None:
    block = node_block(
        unixfs(2, size=4, sizes=(4,)) + varint_field(7, 0o644) + bytes_field(8, b"\x08\x01"), link_to_leaf()
    )

    assert decode_node(node_cid(block), block).content_bytes == 4


@pytest.mark.parametrize(("kind", "name"), [(1, "directory"), (4, "symlink"), (5, "sharded directory"), (9, "type 9")])
def test_decode_node_given_what_is_no_file_says_what_it_is(kind: int, name: str) -> None:
    block = node_block(unixfs(kind))

    with pytest.raises(InputError, match=f"{name}, not a file"):
        decode_node(node_cid(block), block)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"", "no UnixFS type"),
        (b"\xff\xff", "ends inside a number"),
        (bytes_field(5, b""), "field 5 is not one of dag-pb"),
        (varint_field(1, 1), "a number where bytes are expected"),
        (node_block(bytes_field(1, b"file")), "bytes where a number is expected"),
        (node_block(unixfs(2, sizes=(4,))), "0 links with 1 sizes"),
        (node_block(unixfs(2), link_to_leaf()), "1 links with 0 sizes"),
        (node_block(unixfs(2, sizes=(0,)), link_to_leaf()), "leads to no content"),
        (node_block(unixfs(2, size=5, sizes=(4,)), link_to_leaf()), "declares 5 bytes and holds 4"),
        (node_block(unixfs(2, size=4, sizes=(4,)), bytes_field(2, b"")), "a link without a hash"),
        (
            node_block(unixfs(2, size=4, sizes=(4,)), bytes_field(1, b"\x12\x20" + bytes(32))),
            "not the 36 bytes of a CID of version 1",
        ),
    ],
)
def test_decode_node_given_a_malformed_block_names_it_and_the_reason(block: bytes, reason: str) -> None:
    cid = node_cid(block)

    with pytest.raises(ArtifactCorruptError, match=f"{cid}.*{reason}"):
        decode_node(cid, block)
