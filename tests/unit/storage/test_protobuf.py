import pytest

from tallystick.storage.protobuf import bytes_field, encode_varint, read_fields, varint_field


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**64 - 1, "ff" * 9 + "01")]
)
def test_encode_varint_given_a_number_is_as_documented(value: int, encoded: str) -> None:
    assert encode_varint(value).hex() == encoded


def test_read_fields_given_both_kinds_gives_them_in_order() -> None:
    message = bytes_field(2, b"two") + varint_field(1, 2**40) + bytes_field(2, b"")

    assert list(read_fields(message)) == [(2, b"two"), (1, 2**40), (2, b"")]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x08", "ends inside a number"),
        (b"\x08\x80", "ends inside a number"),
        (b"\x12\x05abc", "says 5 bytes where 3 are left"),
        (b"\x08" + b"\xff" * 9 + b"\x7f", "longer than 64 bits"),
        (b"\x08" + b"\x80" * 11 + b"\x01", "longer than 64 bits"),
        (b"\x0d\x01\x00\x00\x00", "wire type 5"),
    ],
)
def test_read_fields_given_a_damaged_message_says_where(message: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(read_fields(message))
