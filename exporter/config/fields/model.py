"""The base class of all config models, their collections, and which of their keys take SQL."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
)
from pydantic.fields import FieldInfo

from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.file.yaml_errors import SqlKeys

K = TypeVar("K")
T = TypeVar("T")


class Model(BaseModel):
    """A part of the config: complete, checked, immutable."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_name=True,  # in Python; files are read with by_name=False
        validate_by_alias=True,
        hide_input_in_errors=True,  # a dsn is an input too
    )


def null_as(empty: object) -> Parser:
    """Read null, which is what a key with all of its children commented out is, as empty."""
    return Parser(lambda value: empty if value is None else value, {"type": "null"}, or_type=True)


def one_for_all(default: Model) -> AfterValidator:
    """Have one object in place of all that are equal to the default: most sources keep it."""
    return AfterValidator(lambda value: default if value == default else value)


def _require_items(value: object) -> object:
    if value == []:
        raise ExpectedError("at least one value")
    return value


def _require_distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ExpectedError("every value once", at=(index,))
        seen.add(value)
    return values


FrozenMapping = Annotated[Mapping[K, T], null_as({}), AfterValidator(MappingProxyType)]
DistinctList = Annotated[tuple[T, ...], Strict(False), AfterValidator(_require_distinct)]
NonEmptyList = Annotated[DistinctList[T], BeforeValidator(_require_items)]


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the keys of a model in the file. `name` is the key around them and not one of them."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    fields.pop("name", None)
    return fields


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation such as `Mapping[str, Label] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def find_sql_keys(model: type[BaseModel]) -> SqlKeys:
    """Return the keys of this model, and of the models in its fields, whose values are SQL."""
    keys: set[str] = set()
    parents: set[str] = set()
    for key, field in keys_of(model).items():
        for part in (field.annotation, *field.metadata):
            for is_item in _find_sql(part):
                (parents if is_item else keys).add(key)
        for inner in map(find_sql_keys, models_in(field.annotation)):
            keys |= inner.keys
            parents |= inner.parents
    return SqlKeys(frozenset(keys), frozenset(parents))


def _find_sql(part: object, *, is_item: bool = False) -> Iterator[bool]:
    """Yield for each parser of SQL in an annotation whether it parses the items of a collection."""
    if isinstance(part, Parser) and part.is_sql:
        yield is_item
    is_collection = get_origin(part) not in {None, Annotated, Union, UnionType}
    for argument in get_args(part):
        yield from _find_sql(argument, is_item=is_item or is_collection)
