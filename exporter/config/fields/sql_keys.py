"""Finds the keys that take SQL in the models, so that no list of them can be out of date."""

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from exporter.config.fields.model import keys_of, models_in
from exporter.config.fields.parser import Parser
from exporter.config.file.yaml_errors import SqlKeys


def find_sql_keys(model: type[BaseModel]) -> SqlKeys:
    """Return the keys of this model, and of the models in its fields, whose values are SQL."""
    keys: set[str] = set()
    parents: set[str] = set()
    for key, field in keys_of(model).items():
        for is_item in _find_parsers(field.annotation, field.metadata, is_item=False):
            (parents if is_item else keys).add(key)
        for inner in map(find_sql_keys, models_in(field.annotation)):
            keys |= inner.keys
            parents |= inner.parents
    return SqlKeys(frozenset(keys), frozenset(parents))


def _find_parsers(
    annotation: object, metadata: Iterable[object], *, is_item: bool
) -> Iterator[bool]:
    """Yield for each parser of SQL in an annotation whether it parses the items of a collection."""
    if any(isinstance(each, Parser) and each.is_sql for each in metadata):
        yield is_item
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _find_parsers(arguments[0], arguments[1:], is_item=is_item)
        return
    is_collection = origin not in {Union, UnionType}
    for argument in arguments:
        yield from _find_parsers(argument, (), is_item=is_item or is_collection)
