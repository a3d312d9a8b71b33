"""What all config models have in common."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from exporter.config.fields.parser import ExpectedError

K = TypeVar("K")
T = TypeVar("T")


class Model(BaseModel):
    """A part of the config: complete, checked, never changed."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_name=True,  # in Python; files are read with by_name=False
        validate_by_alias=True,
        hide_input_in_errors=True,  # a dsn is an input too
    )


class NothingIsEmpty:
    """A key whose children are all commented out is null to YAML, and means: none of them."""

    def __init__(self, empty: Callable[[], object] = dict) -> None:
        self.empty = empty

    def _parse(self, value: object) -> object:
        return self.empty() if value is None else value

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._parse, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "null"}]}


def _tuple(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise ExpectedError("a list")
    return tuple(value)


def _not_empty(value: object) -> object:
    if value in ([], ()):
        raise ExpectedError("at least one value")
    return value


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ExpectedError("every value once", at=(index,))
        seen.add(value)
    return values


Named = Annotated[Mapping[K, T], NothingIsEmpty(), AfterValidator(MappingProxyType)]
Listed = Annotated[tuple[T, ...], BeforeValidator(_tuple), AfterValidator(_distinct)]
NonEmpty = Annotated[Listed[T], BeforeValidator(_not_empty)]
