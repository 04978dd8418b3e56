import pytest

from tallystick.errors import InputError
from tallystick.ids import Bytes32
from tallystick.storage.cid import cid_from_bytes, manifest_cid, node_cid, parse_cid, raw_cid

EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
HELLO_DIGEST = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"


def test_raw_cid_given_nothing_is_the_well_known_one() -> None:
    assert str(raw_cid(b"")) == EMPTY


def test_raw_cid_given_hello_world_is_what_ipfs_add_prints() -> None:
    assert str(raw_cid(b"hello world\n")) == "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"


def test_manifest_cid_given_a_digest_is_the_raw_cid_of_what_it_digests() -> None:
    assert manifest_cid(Bytes32("0x" + HELLO_DIGEST)) == str(raw_cid(b"hello world\n"))


@pytest.mark.parametrize("cid", [raw_cid(b"a leaf"), node_cid(b"a node")])
def test_parse_cid_given_a_spelled_cid_gives_it_back(cid) -> None:
    assert parse_cid(str(cid)) == cid


@pytest.mark.parametrize("cid", [raw_cid(b"a leaf"), node_cid(b"a node")])
def test_cid_from_bytes_given_a_link_gives_it_back(cid) -> None:
    assert cid_from_bytes(cid.to_bytes()) == cid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        EMPTY[:-1],
        EMPTY + "a",
        EMPTY[:-1] + "v",  # differs only in bits that stand for nothing
        EMPTY.upper(),
        f" {EMPTY}",
        f"{EMPTY}\n",
        "/ipfs/" + EMPTY,
        "../../" + EMPTY,
        "b" + "/" * 58,
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
        "zb2rhmy65F3REf8SZp7De11gxtECBGgUKaLdiDj7MCGCHxbDW",
        "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # dag-cbor
        "bafkrmihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # another hash function
    ],
)
def test_parse_cid_given_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="CID"):
        parse_cid(text)


@pytest.mark.parametrize(
    "link", [b"", b"\x01", b"\x12\x20" + bytes(32), EMPTY.encode(), raw_cid(b"").to_bytes() + b"\0"]
)
def test_cid_from_bytes_given_anything_else_is_refused(link: bytes) -> None:
    with pytest.raises(ValueError):
        cid_from_bytes(link)


def test_names_given_another_block_is_false() -> None:
    assert not raw_cid(b"this").names(b"that")
