"""The config in use without secrets: values that may contain one are masked."""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from exporter.config import (
    Config,
    DatabaseSettings,
    ListedSource,
    ListSource,
    OwnerSource,
    Source,
    format_duration,
)
from exporter.config.build import NAMED_SECTIONS
from exporter.postgres import target_of

MASK = "<masked>"

#: Keys whose values may be secrets, whole or in part.
_WHOLE = frozenset({"body", "secret", "token", "password"})

#: Fields that no key of the file is: the name is the key around it, and a list has its own place.
_NOT_WRITTEN = {
    *((model, "name") for model in (DatabaseSettings, OwnerSource, ListSource)),
    *((model, "name") for model in (Source, ListedSource)),
    (ListedSource, "of"),
}

#: Numbers that are no durations.
_RATIOS = frozenset({"max_share", "objective"})


def masked_config(config: Config) -> dict[str, Any]:
    """The sections of config.yaml with every default, written as there."""
    sections = {name: getattr(config, name) for name in NAMED_SECTIONS}
    sections["sources"] = config.all_sources
    return {name: _masked(section) for name, section in sections.items()}


def _masked(value: Any, within: str = "") -> Any:  # noqa: ANN401 - anything that JSON has
    if isinstance(value, BaseModel):
        return {
            key: _masked_key(key, getattr(value, name))
            for name, field in type(value).model_fields.items()
            if (type(value), name) not in _NOT_WRITTEN
            for key in (field.alias or name,)
        }
    if isinstance(value, Mapping):  # by names of the user's choice, which may be those of keys
        return {str(name): _masked(each, within) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each, within) for each in value]
    if isinstance(value, float) and within not in _RATIOS:
        return format_duration(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _masked_key(key: str, value: Any) -> Any:  # noqa: ANN401, PLR0911 - as above; one of each kind
    if value is None:
        return None
    if key == "dsn":
        return _target(str(value))
    if key in _WHOLE:
        return MASK
    if key == "headers":
        return dict.fromkeys(value, MASK)
    if key == "password_command":
        return [MASK] * len(value)
    if key == "url":
        return mask_url(str(value))
    if key == "urls":
        return {name: mask_url(str(each)) for name, each in value.items()}
    return _masked(value, key)


def mask_url(url: str) -> str:
    """The host of a URL, without user, path, query and fragment, which may be secret."""
    parts = urlsplit(url)
    behind = f"{parts.path}{parts.query}{parts.fragment}"
    if "@" in behind and "@" not in parts.netloc:
        # Perhaps of a user whose password has a / in it: what seems to be the host is none.
        return f"{parts.scheme}://{MASK}"
    user = f"{MASK}@" if "@" in parts.netloc else ""
    path = f"/{MASK}" if behind.strip("/") else parts.path
    return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{path}"


def _target(dsn: str) -> dict[str, str]:
    """The server and user of a connection string, which are not secret."""
    found = target_of(dsn)._asdict()
    # A database name may be a connection string in itself.
    return {key: MASK if "://" in each or "=" in each else each for key, each in found.items()}
