"""The reader against trees that a hostile maker could publish. The stores' own suites cover honest content."""

from collections.abc import Iterable

import pytest

from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, ArtifactTooLargeError, InputError
from tallystick.storage.cid import Cid, node_cid, raw_cid
from tallystick.storage.file_reader import MAX_DEPTH, SPARE_BLOCKS, holds_file, read_file
from tallystick.storage.file_tree import Block
from tallystick.storage.unixfs import Branch, FileNode

BOUND = 1_000_000


class Shelf:
    """Blocks in memory, under whatever CID a test puts them."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.blocks = {block.cid: block.data for block in blocks}
        self.fetched: list[Cid] = []

    def add(self, node: FileNode) -> Branch:
        data = node.encode()
        self.blocks[node_cid(data)] = data
        return Branch(node_cid(data), node.content_bytes, len(data))

    def add_leaf(self, data: bytes) -> Branch:
        self.blocks[raw_cid(data)] = data
        return Branch(raw_cid(data), len(data), len(data))

    def fetch(self, cid: Cid, limit: int) -> bytes:
        self.fetched.append(cid)
        if cid not in self.blocks:
            raise ArtifactMissingError(f"{cid} is not on the shelf.")
        return self.blocks[cid][: limit + 1]

    def holds(self, cid: Cid) -> bool:
        return cid in self.blocks

    def damaged(self, cid: Cid, finding: str) -> ArtifactCorruptError:
        return ArtifactCorruptError(f"{cid} on the shelf: {finding}")


def test_read_file_given_a_tree_of_mixed_depth_gives_content_in_order() -> None:
    shelf = Shelf()
    inner = shelf.add(FileNode((shelf.add_leaf(b"two "), shelf.add_leaf(b"three "))))
    root = shelf.add(FileNode((shelf.add_leaf(b"one "), inner, shelf.add(FileNode((), b"four"))), b"zero "))

    assert read_file(shelf, root.cid, BOUND) == b"zero one two three four"


def test_read_file_given_a_tree_over_the_bound_reads_its_first_node_only() -> None:
    shelf = Shelf()
    root = shelf.add(FileNode((shelf.add_leaf(b"a" * 600), shelf.add_leaf(b"b" * 600))))

    with pytest.raises(ArtifactTooLargeError, match=r"1\.2 KiB where the reader takes 1000 B"):
        read_file(shelf, root.cid, 1000)

    assert shelf.fetched == [root.cid]


def test_read_file_given_a_raw_block_over_the_bound_is_refused() -> None:
    shelf = Shelf()

    with pytest.raises(ArtifactTooLargeError):
        read_file(shelf, shelf.add_leaf(b"a" * 11).cid, 10)


def test_read_file_given_a_raw_block_of_exactly_the_bound_gives_it() -> None:
    shelf = Shelf()

    assert read_file(shelf, shelf.add_leaf(b"a" * 10).cid, 10) == b"a" * 10


def test_read_file_given_a_damaged_leaf_names_it() -> None:
    shelf = Shelf()
    leaf = shelf.add_leaf(b"right")
    root = shelf.add(FileNode((leaf, shelf.add_leaf(b"also right"))))
    shelf.blocks[leaf.cid] = b"wrong"

    with pytest.raises(ArtifactCorruptError, match=str(leaf.cid)):
        read_file(shelf, root.cid, BOUND)


def test_read_file_given_a_missing_leaf_names_it_and_the_root() -> None:
    shelf = Shelf()
    leaf = shelf.add_leaf(b"here for now")
    root = shelf.add(FileNode((leaf, shelf.add_leaf(b"stays"))))
    del shelf.blocks[leaf.cid]

    with pytest.raises(ArtifactMissingError, match=f"{root.cid}.*{leaf.cid}"):
        read_file(shelf, root.cid, BOUND)


@pytest.mark.parametrize("declared", [3, 5, BOUND])
def test_read_file_given_a_leaf_of_another_size_than_declared_is_refused(declared: int) -> None:
    shelf = Shelf()
    leaf = shelf.add_leaf(b"four")
    root = shelf.add(FileNode((Branch(leaf.cid, declared, declared),)))

    with pytest.raises(ArtifactCorruptError, match=f"holds 4 bytes where the node above it declares {declared}"):
        read_file(shelf, root.cid, BOUND)


def test_read_file_given_a_node_of_another_size_than_declared_is_refused() -> None:
    shelf = Shelf()
    inner = shelf.add(FileNode((shelf.add_leaf(b"four"),)))
    root = shelf.add(FileNode((Branch(inner.cid, 3, 3),)))

    with pytest.raises(ArtifactCorruptError, match="holds 4 bytes where the node above it declares 3"):
        read_file(shelf, root.cid, BOUND)


def test_read_file_given_a_block_that_links_to_itself_is_refused() -> None:
    shelf = Shelf()
    itself = node_cid(b"whatever a cycle would have to hash to")
    shelf.blocks[itself] = FileNode((Branch(itself, 10, 10),)).encode()

    with pytest.raises(ArtifactCorruptError, match="another SHA-256"):
        read_file(shelf, itself, BOUND)


def test_read_file_given_a_tree_deeper_than_any_file_needs_is_refused() -> None:
    shelf = Shelf()
    branch = shelf.add_leaf(b"deep")
    for _ in range(MAX_DEPTH + 2):
        branch = shelf.add(FileNode((branch,)))

    with pytest.raises(ArtifactCorruptError, match="levels deep"):
        read_file(shelf, branch.cid, BOUND)


def test_read_file_given_a_tree_of_one_byte_leaves_stops_early() -> None:
    shelf = Shelf()
    branch = shelf.add_leaf(b"x")
    for _ in range(3):
        branch = shelf.add(FileNode((branch,) * 50))

    with pytest.raises(ArtifactCorruptError, match="too many blocks"):
        read_file(shelf, branch.cid, BOUND)

    assert len(shelf.fetched) <= SPARE_BLOCKS + branch.content_bytes // 4096 + 1


def test_read_file_given_a_directory_says_so() -> None:
    shelf = Shelf()
    data = b"\x0a\x02\x08\x01"
    shelf.blocks[node_cid(data)] = data

    with pytest.raises(InputError, match="directory"):
        read_file(shelf, node_cid(data), BOUND)


def test_holds_file_given_every_block_reads_no_leaf() -> None:
    shelf = Shelf()
    root = shelf.add(FileNode((shelf.add_leaf(b"one"), shelf.add_leaf(b"two"))))

    assert holds_file(shelf, root.cid)
    assert shelf.fetched == [root.cid]


def test_holds_file_given_a_missing_leaf_is_false() -> None:
    shelf = Shelf()
    leaf = shelf.add_leaf(b"one")
    root = shelf.add(FileNode((leaf, shelf.add_leaf(b"two"))))
    del shelf.blocks[leaf.cid]

    assert not holds_file(shelf, root.cid)


def test_holds_file_given_a_tree_that_repeats_itself_visits_each_block_once() -> None:
    shelf = Shelf()
    branch = shelf.add_leaf(b"x")
    for _ in range(8):
        branch = shelf.add(FileNode((branch,) * 100))

    assert holds_file(shelf, branch.cid)
    assert len(shelf.fetched) == 8
