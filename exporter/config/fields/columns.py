"""Points in time, and the columns that lists and reports show."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema

from exporter.config.fields.model import DistinctList, Model, NullIsEmpty
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.sql import COLUMN, Expression, Sql, SqlParser
from exporter.config.fields.values import Choice, Name

RESERVED = "id|last_seen|age|database|source"


class TimeColumn(Model):
    """A point in time of each row: a timestamp, or an integer that counts since 1970."""

    sql: Sql = Field(
        alias="column", examples=["CreateAt"], description="A column or an expression."
    )
    epoch: Annotated[Literal["s", "ms"], Choice(("s", "ms"))] | None = Field(
        default=None,
        description="For an integer: the unit in which it counts since 1970, s or ms. "
        "null: a timestamp.",
    )


class ColumnOrMapping(SqlParser):
    """A column or an expression alone, or a mapping that says more about it."""

    def parse(self, value: object, _info: ValidationInfo, /) -> object:
        return value if isinstance(value, dict | TimeColumn) else {"column": value}

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [Expression().json_schema(), handler(schema)]}


PointInTime = Annotated[TimeColumn, ColumnOrMapping()]


class OutputColumn(Model):
    """A named value of each session in a list or a report."""

    name: str
    sql: str


class OutputItem(SqlParser):
    """The name of a column, or `name: expression`."""

    _name = Name("the name of a column, or name: expression", COLUMN, RESERVED)

    def parse(self, value: object, info: ValidationInfo, /) -> OutputColumn:
        if isinstance(value, OutputColumn):
            return value
        if not isinstance(value, dict):
            name = self._name.parse(value, info)
            return OutputColumn(name=name, sql=name)
        if len(value) != 1:
            raise ExpectedError("one name: expression in each item of the list")
        [(name, sql)] = value.items()
        try:
            return OutputColumn(
                name=self._name.parse(name, info), sql=Expression().parse(sql, info)
            )
        except ExpectedError as error:
            raise replace(error, at=(name,)) from None

    def json_schema(self) -> dict[str, Any]:
        pair = {"type": "object", "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"type": "string"}, pair | {"additionalProperties": {"type": "string"}}]}


OutputColumns = Annotated[DistinctList[Annotated[OutputColumn, OutputItem()]], NullIsEmpty(tuple)]
