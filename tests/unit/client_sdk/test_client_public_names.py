"""What the package exports, on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import client_sdk
from client_sdk import testing
from tallystick import errors


def test_all_given_the_package_is_sorted_and_pinned() -> None:
    assert client_sdk.__all__ == sorted(client_sdk.__all__)
    assert client_sdk.__all__ == [
        "AsyncClient",
        "AsyncJob",
        "Balances",
        "ClaimAudit",
        "ClaimedResult",
        "Client",
        "ClientSettings",
        "Job",
        "JobEvent",
        "JobReceipt",
        "JobRequest",
        "JobWarning",
        "ModelHandle",
        "TallystickError",
        "create_keystore",
        "load_account",
        "load_settings",
    ]


@pytest.mark.parametrize("name", client_sdk.__all__)
def test_getattr_given_an_exported_name_loads_it(name: str) -> None:
    assert getattr(client_sdk, name).__name__ == name


def test_getattr_given_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = client_sdk.Nothing


def test_all_given_the_testing_module_is_sorted() -> None:
    assert testing.__all__ == sorted(testing.__all__)


def kinds_below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for below in kind.__subclasses__():
        # An executor's own troubles never reach a creator.
        if below.__module__ == errors.__name__ and below is not errors.AgentError:
            yield below
            yield from kinds_below(below)


def test_docstring_draws_the_whole_error_tree() -> None:
    tree = client_sdk.__doc__ or ""

    assert [kind.__name__ for kind in kinds_below(errors.TallystickError) if kind.__name__ not in tree] == []
