"""What went wrong -> the sentence that the user reads."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.config.fields.parser import ExpectedError, nearest
from exporter.config.file.document import Document
from exporter.config.file.place import MISSING, KeyPath, Text, lookup, may_hold_password

MAPPING = "a mapping of keys to values"

_NO_MAPPING = {"dict_type", "mapping_type", "model_type"}  # pydantic's errors
_READ_AS: dict[type, str] = {
    bool: "a boolean",
    float: "a number",
    date: "a date",
    datetime: "a date",
}


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the keys that a file may use, with their fields. The name is a key around them."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    fields.pop("name", None)
    return fields


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for a key that does not exist."""
    return f"unknown key; {nearest(key, known) or 'known here: ' + ', '.join(known)}"


def missing_key(key: str, example: str) -> str:
    """Return the message for a required key that is not there."""
    return f"expected this key, for example `{key}: {example}`, got nothing"


def expectation(error: ErrorDetails, model: type[BaseModel]) -> ExpectedError | str:
    """Return what pydantic expected, or the whole message where there is nothing to compare."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ExpectedError):
        if error["loc"][-1:] == ("[key]",):
            cause.came = _quoted(str(error["loc"][-2]))
        return cause
    if error["type"] in {"extra_forbidden", "missing"}:
        key, known = str(error["loc"][-1]), keys(_model_at(model, error["loc"][:-1]))
        if error["type"] == "extra_forbidden":
            return unknown_key(key, known)
        return missing_key(key, (known[key].examples or [""])[0])
    return ExpectedError(MAPPING if error["type"] in _NO_MAPPING else error["msg"])


def sentence(document: Document, path: KeyPath, error: ExpectedError) -> str:
    """Return: expected X, got Y; and what to do."""
    text = f"expected {error.what}, got {error.came or shown(document, path)}"
    if error.advice:
        text += f"; {error.advice}"
    if error.block:
        value = lookup(document.data, path)
        comment = f" #{value.comment}" if isinstance(value, Text) and value.comment else ""
        key = next(part for part in reversed(path) if isinstance(part, str))
        text += block_form(key, document.spelling.get(path, "") + comment)
    return text


def block_form(key: str, expression: str) -> str:
    """Return how to write an SQL expression so that YAML leaves it alone."""
    lines = [line.strip() for line in expression.splitlines() if line.strip()]
    body = "".join(f"\n      {line}" for line in lines)
    return f"; write it as a block:\n    {key}: |{body}"


def shown(document: Document, path: KeyPath) -> str:
    """Return a value as messages show it; never one that is, or may be, a secret."""
    value = lookup(document.data, path)
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if value is MISSING or value is None:
        return "nothing" if value is MISSING else "null"
    if isinstance(value, Text) and value.variables:
        return "the value of " + " and ".join(f"${{{name}}}" for name in value.variables)
    if path[-1:] == ("dsn",) or (path[:1] == ("databases",) and len(path) < 3):
        return "a value that is not shown"
    return _quoted(value) if isinstance(value, str) else _read(document.spelling[path], value)


def _read(spelling: str, value: object) -> str:
    kind = _READ_AS.get(type(value))
    return f"{spelling}, which YAML reads as {kind}" if kind else spelling


def _quoted(value: str) -> str:
    if may_hold_password(value):
        return "a text that is not shown"
    return repr(str(value) if len(value) <= 60 else f"{value[:57]}...")


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model that an error's location leads to."""
    for part in loc:
        field = keys(model).get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model that an annotation such as `Mapping[str, Label] | None` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
