"""Settings from a command's options and the environment, the same way for every application's `settings.py`.

Reads no environment itself: it is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tallystick.errors import InputError
from tallystick.units import parse_size


def _size(value: object) -> object:
    """Sizes may be written with a unit, such as 64MiB."""
    if isinstance(value, str) and not value.isdigit():
        try:
            return parse_size(value)
        except InputError as error:
            raise ValueError(str(error)) from error
    return value


def _folder(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str | Path) else value


Seconds = Annotated[float, Field(gt=0, le=3600)]
Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
"""In bytes."""
Folder = Annotated[Path, BeforeValidator(_folder)]

Kind = TypeVar("Kind", bound=BaseModel)


def read_settings(
    kind: type[Kind],
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    prefix: str,
    has_option: Callable[[str], bool] = lambda _: True,
    elsewhere: Mapping[str, str] | None = None,
) -> Kind:
    """Settings from options and, where an option is None or absent, from the environment.

    Args:
        prefix: Of the variables: a setting's is `prefix` and its name in upper case.
        has_option: Whether the command has an option for a setting; a remedy must not name one that is not there.
        elsewhere: Variables of others that count for a setting where its own is not set.

    Raises:
        InputError: a setting is missing or not valid; names the variable, and the option where there is one.
    """
    given: dict[str, Any] = {}
    for name in kind.model_fields:
        found = options.get(name)
        for variable in (prefix + name.upper(), (elsewhere or {}).get(name, "")):
            found = environ.get(variable) if found is None else found
        if found is not None:
            given[name] = found
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = f"Give --{name.replace('_', '-')}, or set" if has_option(name) else "Set"
        raise InputError(
            f"The setting {name} cannot be used: {_sentence(first['msg'])}", remedy=f"{option} {prefix}{name.upper()}."
        ) from error


def _sentence(message: str) -> str:
    """A validator's message behind a colon. Only its first letter is made small: names keep their case."""
    said = message.removeprefix("Value error, ").rstrip(".")
    return f"{said[:1].lower()}{said[1:]}."
