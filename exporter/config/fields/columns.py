"""Points in time, and the columns that lists and reports show."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from exporter.config.fields.model import DistinctList, Model, NullIsEmpty
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import COLUMN, EXPRESSION, Sql, parse_expression
from exporter.config.fields.values import choice, parse_name

RESERVED = "id|last_seen|age|database|source"


class TimeColumn(Model):
    """A point in time of each row: a timestamp, or an integer that counts since 1970."""

    sql: Sql = Field(alias="column", examples=["CreateAt"])
    """A column or an expression."""
    epoch: Annotated[Literal["s", "ms"], choice(("s", "ms"))] | None = None
    """For an integer: the unit in which it counts since 1970, s or ms. null: a timestamp."""


class ColumnOrMapping(Parser):
    """A column or an expression alone, or a mapping that says more about it."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [EXPRESSION.schema, handler(schema)]}


def _parse_point_in_time(value: object) -> object:
    return value if isinstance(value, dict | TimeColumn) else {"column": value}


PointInTime = Annotated[TimeColumn, ColumnOrMapping(_parse_point_in_time, is_sql=True)]


class OutputColumn(Model):
    """A named value of each session in a list or a report."""

    name: str
    sql: str


def _parse_output_column(value: object) -> OutputColumn:
    """Return the name of a column, or `name: expression`."""
    if isinstance(value, OutputColumn):
        return value
    if not isinstance(value, dict):
        name = _parse_output_name(value)
        return OutputColumn(name=name, sql=name)
    if len(value) != 1:
        raise ExpectedError("one name: expression in each item of the list")
    [(key, sql)] = value.items()
    try:
        return OutputColumn(name=_parse_output_name(key), sql=parse_expression(sql))
    except ExpectedError as error:
        raise replace(error, at=(key,)) from None


def _parse_output_name(value: object) -> str:
    what = "the name of a column, or name: expression"
    return parse_name(value, what=what, pattern=COLUMN, reserved=RESERVED)


_TEXT = {"type": "string"}
_PAIR = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _TEXT}
_OUTPUT_COLUMN = Parser(_parse_output_column, {"anyOf": [_TEXT, _PAIR]}, is_sql=True)

OutputColumns = Annotated[DistinctList[Annotated[OutputColumn, _OUTPUT_COLUMN]], NullIsEmpty(tuple)]
