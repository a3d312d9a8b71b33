"""Turns the problem of a value into the sentence that the user reads."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from exporter.config.fields.model import keys_of, models_in
from exporter.config.fields.parser import ExpectedError, suggest
from exporter.config.file.document import MISSING, Document, KeyPath, Text, may_hold_password
from exporter.config.file.yaml_errors import block_form

# The expectation of a type of pydantic, by the name of its error.
_EXPECTED = {
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "string_type": "a text",
}
#: Keys of older releases: the replacement of each, and how to write it.
_GONE = {
    "recovery.server": ("the key owner of the source", "write `owner:` beside recovery, with this"),
}
#: Keys of owners and lists that hold an address or a secret, or stand around one.
_AROUND_SECRETS = {"http", "request", "url", "body"}
_READ_AS = {bool: "a boolean", float: "a number", date: "a date", datetime: "a date"}


def find_expected(error: ErrorDetails, model: type[BaseModel]) -> ExpectedError | str:
    """Return the expectation of the model, or the whole message about a key."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ExpectedError):
        if error["loc"][-1:] == ("[key]",):
            cause.got = _quote(str(error["loc"][-2]))
        return cause
    if error["type"] == "extra_forbidden" and (gone := _GONE.get(_last_two(error["loc"]))):
        return ExpectedError(*gone)
    if error["type"] in {"extra_forbidden", "missing"}:
        key, known = str(error["loc"][-1]), keys_of(_model_at(model, error["loc"][:-1]))
        if error["type"] == "extra_forbidden":
            return f"unknown key; {suggest(key, known) or 'known here: ' + ', '.join(known)}"
        example = (known[key].examples or [""])[0]
        return f"expected this key, for example `{key}: {example}`, got nothing"
    return ExpectedError(_EXPECTED.get(error["type"], error["msg"]))


def _last_two(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path[-2:]))


def write_sentence(document: Document, path: KeyPath, error: ExpectedError) -> str:
    """Return: expected X, got Y; and advice."""
    text = f"expected {error.what}, got {error.got or show_value(document, path)}"
    if error.advice:
        text += f"; {error.advice}"
    return text + (_as_block(document, path) if error.block else "")


def show_value(document: Document, path: KeyPath) -> str:
    """Return a value as messages show it; never one that is, or may be, a secret."""
    value = document.value(path)
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if value is MISSING or value is None:
        return "nothing" if value is MISSING else "null"
    if isinstance(value, Text) and value.variables:
        return "the value of " + " and ".join(f"${{{name}}}" for name in value.variables)
    if _may_be_secret(path) and value != "" and not str(value).isspace():
        return "a value that is not shown"
    if isinstance(value, str):
        return _quote(value)
    read_as = _READ_AS.get(type(value))
    return document.spelling[path] + (f", which YAML reads as {read_as}" if read_as else "")


def _may_be_secret(path: KeyPath) -> bool:
    """Whether the value is, or may be meant as, one that holds a password or a token."""
    if path[-1:] == ("dsn",) or "password_command" in path:
        return True
    if path[:1] in {("owners",), ("lists",)}:
        is_secret = path[-1] in _AROUND_SECRETS or not {"urls", "headers"}.isdisjoint(path[2:])
        return len(path) < 3 or is_secret
    is_webhook = path[-2:] == ("webhook", "url") or path[-1:] == ("webhook",)
    return is_webhook or (path[:1] == ("databases",) and len(path) < 3)


def _as_block(document: Document, path: KeyPath) -> str:
    """Return the block form, where the value is in another form and YAML can have changed it."""
    value, spelling = document.value(path), document.spelling.get(path, "")
    comment = f" #{value.comment}" if isinstance(value, Text) and value.comment else ""
    if isinstance(value, str) and not comment:
        spelling = re.sub(r"\A>.*\n", "", spelling)
        if "\n" not in spelling or spelling[0] in "'\"":
            return ""
    key = next(part for part in reversed(path) if isinstance(part, str))
    return block_form(key, spelling + comment)


def _quote(value: str) -> str:
    if may_hold_password(value):
        return "a text that is not shown"
    return repr(str(value) if len(value) <= 60 else f"{value[:57]}...")


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model that an error's location leads to."""
    parts = iter(loc)
    for part in parts:
        if field := keys_of(model).get(str(part)):
            model = next(models_in(field.annotation), model)
            if get_origin(field.annotation) is Mapping:
                next(parts, None)  # a name, which may be the same as a key
    return model
