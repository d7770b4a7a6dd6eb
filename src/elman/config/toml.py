"""Settings as TOML files, whose keys are the flags with underscores."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from elman.errors import ConfigError
from elman.files import written_atomically

Settings = TypeVar("Settings")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file.

    Returns:
        Its keys and values.

    Raises:
        ConfigError: if the file is missing or is not TOML; names the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}.") from None


def write_toml(path: Path, values: Mapping[str, Any]) -> None:
    """Write a TOML file atomically, leaving out keys whose value is None.

    Args:
        path: the file.
        values: keys and values TOML can hold, or None.
    """
    import tomli_w

    text = tomli_w.dumps({key: value for key, value in values.items() if value is not None})
    with written_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def values_of(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pick from the flat values of a settings file those that belong to one dataclass.

    Args:
        kind: the dataclass.
        values: values by name, of several dataclasses.

    Returns:
        The values whose names are fields of `kind`.
    """
    names = {field.name for field in dataclasses.fields(kind)}
    return {key: value for key, value in values.items() if key in names}


def from_mapping(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Build a settings dataclass from plain values.

    Args:
        kind: the dataclass.
        values: a value for some or all of its fields.
        where: what the values come from, for the message.

    Returns:
        The settings; fields without a value keep their default.

    Raises:
        ConfigError: if a key is unknown or a value has the wrong type.
    """
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    converted = {}
    for key, value in values.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(f"{where}: unknown setting {key!r}{advice}")
        converted[key] = _convert(value, hints[key], f"{where}: {key}")
    return kind(**converted)


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Return the value as the hinted type; only whole numbers are widened to floats."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _convert(value, arguments[0], where)
    if origin is Literal:
        if value in arguments:
            return value
        raise ConfigError(
            f"{where} must be one of {', '.join(map(str, arguments))}, got {value!r}."
        )
    if NoneType in arguments:
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _convert(value, inner, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(item, arguments[0], where) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where} must be of type {hint.__name__}, got {value!r}.")
    return value
