"""Columns that are more than a name: points in time, and what the orphan list shows."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic_core import CoreSchema

from exporter.config.fields.model import Model
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import COLUMN, Expression, Sql
from exporter.config.fields.values import Choice, Name

SHOWN_ALWAYS = "id|last_seen|age|database|source"


class TimeColumn(Model):
    """A point in time in each row: a timestamp, or an integer that counts since 1970."""

    sql: Sql = Field(
        alias="column",
        examples=["CreateAt"],
        description="The column, or an expression.",
    )
    epoch: Annotated[Literal["s", "ms"], Choice(("s", "ms"))] | None = Field(
        default=None,
        description="For an integer: what it counts since 1970, s or ms. null: a timestamp.",
    )

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: object) -> object:
        return value if isinstance(value, dict | TimeColumn) else {"column": value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [Expression().json_schema(), handler(schema)]}


class Shown(Model):
    """Something that the orphan list shows of each session."""

    name: str
    sql: str


class ShownItem(Parser):
    """An item of `show`: the name of a column, or `name: expression`."""

    _name = Name("the name of a column, or name: expression", COLUMN, SHOWN_ALWAYS)

    def parse(self, value: object, info: ValidationInfo, /) -> Shown:
        """Return its name and its expression."""
        if isinstance(value, Shown):
            return value
        if not isinstance(value, dict):
            name = self._name.parse(value, info)
            return Shown(name=name, sql=name)
        if len(value) != 1:
            raise ExpectedError("one name: expression in each item of the list")
        [(name, sql)] = value.items()
        try:
            return Shown(name=self._name.parse(name, info), sql=Expression().parse(sql, info))
        except ExpectedError as error:
            raise replace(error, at=(name,)) from None

    def json_schema(self) -> dict[str, Any]:
        """Return both forms."""
        pair = {"type": "object", "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"type": "string"}, pair | {"additionalProperties": {"type": "string"}}]}
