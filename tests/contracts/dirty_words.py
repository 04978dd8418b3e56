"""Calldata of functions that take job terms first, with a bit set where no encoder sets one."""

from __future__ import annotations

from brownie import project

WORD = 64
"""Hex digits of an ABI word."""
SELECTOR = 10


def _members() -> list[dict[str, str]]:
    (create,) = (entry for entry in project.get_loaded_projects()[0].JobEscrow.abi if entry.get("name") == "createJob")
    return list(create["inputs"][0]["components"])


def used_bits(kind: str) -> int:
    """How many of a word's bits a value of this ABI type, or of an array's element, may use."""
    element = kind.removesuffix("[]")
    return 160 if element == "address" else 256 if element == "bytes32" else int(element.removeprefix("uint"))


def narrow_fields() -> dict[str, int]:
    """The fields of JobTerms, or of their elements, that do not fill a word, with the bits that they may use."""
    bits = {member["name"]: used_bits(member["type"]) for member in _members()}
    return {name: used for name, used in bits.items() if used < 256}


def with_bit(data: str, field: str, bit: int, *, in_list: bool = False) -> str:
    """`data` with one bit more in a field of the terms: in the last element where the field is an array.

    Args:
        in_list: The function takes a list of terms; its first ones are changed.
    """
    place = _place_of(data, field, _place_of_terms(data, in_list))
    value = _number(data, place)
    assert not value >> bit & 1, "the bit is set already"
    return data[:place] + f"{value | 1 << bit:064x}" + data[place + WORD :]


def _place_of_terms(data: str, in_list: bool) -> int:
    place = SELECTOR + 2 * _number(data, SELECTOR)
    if not in_list:
        return place
    first = place + WORD  # behind the length; offsets count from here
    return first + 2 * _number(data, first)


def _place_of(data: str, field: str, terms: int) -> int:
    names = [member["name"] for member in _members()]
    head = terms + names.index(field) * WORD
    if not _members()[names.index(field)]["type"].endswith("[]"):
        return head
    array = terms + 2 * _number(data, head)
    return array + _number(data, array) * WORD


def _number(data: str, place: int) -> int:
    return int(data[place : place + WORD], 16)
