from __future__ import annotations

import pytest

from dispatcher.api.cursors import Cursors
from tallystick.errors import DispatcherRefusedError

CURSORS = Cursors("a1b2c3d4")


def test_read_given_a_written_cursor_is_its_number() -> None:
    assert CURSORS.read(CURSORS.write(17)) == 17


def test_read_given_none_is_the_beginning() -> None:
    assert CURSORS.read(None) == 0


@pytest.mark.parametrize(
    "cursor", ["other-17", "17", "", "a1b2c3d4-", "a1b2c3d4--1", "a1b2c3d4-1e3", "a1b2c3d4-" + "9" * 30]
)
def test_read_given_a_cursor_that_is_not_of_this_feed_refuses_it(cursor: str) -> None:
    with pytest.raises(DispatcherRefusedError) as caught:
        CURSORS.read(cursor)

    assert (caught.value.code, caught.value.status) == ("cursor_unknown", 410)
