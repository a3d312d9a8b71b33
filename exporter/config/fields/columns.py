"""Fields about the columns of a row: points in time, labels, keys, and shown columns."""

import re
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from exporter.config.fields.model import DistinctList, Model, NonEmptyList, null_as
from exporter.config.fields.numbers import whole_number
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import (
    COLUMN,
    EXPRESSION,
    Sql,
    parse_column,
    parse_expression,
    quoted_name,
)
from exporter.config.fields.values import choice, name_like

TAKEN_COLUMNS = "id|last_seen|age|database|source"
TAKEN_LABELS = "database|source|date|days_ago|le|kind|cause|store|owner|evidence|instance|job|__.*"
LABEL = "[a-zA-Z_][a-zA-Z0-9_]*"


class TimeColumn(Model):
    """A point in time of each row: a timestamp, or a number that counts since 1970."""

    sql: Sql = Field(alias="column", examples=["CreateAt"])
    """A column or an expression."""
    epoch: Annotated[Literal["s", "ms", "us", "ns"], choice(("s", "ms", "us", "ns"))] | None = None
    """For a number: the unit in which it counts since 1970, s, ms, us or ns. null: a timestamp."""


def _parse_point_in_time(value: object) -> object:
    return value if isinstance(value, dict | TimeColumn) else {"column": value}


_POINT_IN_TIME = Parser(_parse_point_in_time, EXPRESSION.schema, or_type=True, is_sql=True)
PointInTime = Annotated[TimeColumn, _POINT_IN_TIME]


def _parse_id(value: object) -> object:
    """Return an SQL expression, or the names of the columns of a list; of one name, that name.

    A name in double quotes is one that needs them.
    """
    if not isinstance(value, list | tuple):
        expression = parse_expression(value)
        name = quoted_name(expression)
        return expression if name is None else (name,)
    names = list[str]()
    for index, each in enumerate(value):
        try:
            names.append(parse_column(each))
        except ExpectedError as error:
            raise replace(error, at=(index,)) from None
        if each in names[:index]:
            raise ExpectedError("every column once", at=(index,))
    if not names:
        raise ExpectedError("at least one column")
    is_word = len(names) == 1 and re.fullmatch(COLUMN, names[0])
    return names[0] if is_word else tuple(names)


_COLUMNS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
_ID = Parser(_parse_id, {"anyOf": [EXPRESSION.schema, _COLUMNS]}, is_sql=True)
SessionId = Annotated[str | tuple[str, ...], _ID]


def _parse_label_value(value: object) -> object:
    """Return a text; a whole number stands for its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ExpectedError("a text", "put it in quotes")
    if value == "other":
        raise ExpectedError("a value besides other", "other always exists; remove it")
    return value


_LABEL_VALUE = {"type": ["string", "integer"], "minLength": 1, "not": {"const": "other"}}
LabelName = Annotated[str, name_like(f"a label name ({LABEL})", LABEL, TAKEN_LABELS)]
LabelValue = Annotated[str, Parser(_parse_label_value, _LABEL_VALUE)]


class Label(Model):
    """A label by which counts are split."""

    value: Sql = Field(examples=["difficulty"])
    """The value of the label: a column or an expression."""
    values: NonEmptyList[LabelValue] = Field(
        examples=["[BEGINNER, PRO]"], json_schema_extra={"minItems": 1}
    )
    """Values that are counted separately; all others, and NULL, count as other."""


class KeyLimit(Model):
    """How many sessions the application lets a user, a device or a seat have at once."""

    key: Sql = Field(examples=["user_id"])
    """The user of a session: a column or an expression, whose values can be compared."""
    max: Annotated[int, whole_number(1)] = Field(examples=["1"])
    """A user with this many active sessions cannot start another one."""


class OutputColumn(Model):
    """A named value of each session in a list or a report."""

    name: str
    sql: str


_OUTPUT_NAME = name_like("the name of a column, or name: expression", COLUMN, TAKEN_COLUMNS)


def _parse_output_column(value: object) -> OutputColumn:
    """Return the name of a column, or `name: expression`."""
    if not isinstance(value, dict):
        name = _OUTPUT_NAME.parse(value)
        return OutputColumn(name=name, sql=name)
    if len(value) != 1:
        raise ExpectedError("one name: expression in each item of the list")
    [(key, sql)] = value.items()
    try:
        return OutputColumn(name=_OUTPUT_NAME.parse(key), sql=parse_expression(sql))
    except ExpectedError as error:
        raise replace(error, at=(key,)) from None


_TEXT = {"type": "string"}
_PAIR = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _TEXT}
_OUTPUT_COLUMN = Parser(_parse_output_column, {"anyOf": [_TEXT, _PAIR]}, is_sql=True)

OutputColumns = Annotated[DistinctList[Annotated[OutputColumn, _OUTPUT_COLUMN]], null_as(())]
