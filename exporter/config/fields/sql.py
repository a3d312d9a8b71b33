"""SQL in a config file: expressions, which are kept as written, and names of tables and columns.

Expressions are the operator's own and trusted like code. Checked are only what YAML does to
them, and that each is one whole expression.
"""

import json
import re
from dataclasses import dataclass
from typing import Annotated

from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql_lexer import LONGEST_NAME, IncompleteSqlError, check_complete
from exporter.config.fields.values import name_like
from exporter.config.file.document import Text

COLUMN = r"[^\W\d][\w$]*"
_PART = rf'(?:({COLUMN})|"((?:[^"\0]|"")+)")'
_TABLE = re.compile(rf"(?:{_PART}\.)?{_PART}")


def parse_expression(value: object) -> str:
    """Return an expression over the row `s` as written, without the space around it."""
    if not isinstance(value, str):
        is_collection = isinstance(value, dict | list)
        advice = "" if is_collection or value is None else "put it in quotes"
        raise ExpectedError("an SQL expression", advice, block=is_collection)
    if not value.strip():
        raise ExpectedError("an SQL expression")
    if ";" in value:
        raise ExpectedError("one SQL expression without ;")
    if "\0" in value:
        raise ExpectedError("an SQL expression without NUL characters")
    _require_complete(value)
    return str(value).strip()


EXPRESSION = Parser(parse_expression, is_sql=True)
Sql = Annotated[str, EXPRESSION]


def _parse_condition(value: object) -> str:
    """Return an SQL expression; the `true` of YAML is one."""
    return "true" if value is True else parse_expression(value)


_CONDITION = {"anyOf": [{"type": "string", "minLength": 1}, {"const": True}]}
Condition = Annotated[str, Parser(_parse_condition, _CONDITION, is_sql=True)]


def _parse_new_value(value: object) -> str:
    """Return an SQL expression; numbers, booleans and null of YAML are such."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return parse_expression(value)


_NEW_VALUE = {"type": ["string", "number", "boolean", "null"], "minLength": 1}
NewValue = Annotated[str, Parser(_parse_new_value, _NEW_VALUE, is_sql=True)]

_NAME = name_like("the name of a column", rf"{COLUMN}|.+")
_QUOTED = re.compile(r'"((?:[^"\0]|"")+)"')


def quoted_name(text: str) -> str | None:
    """The name that is all of a text, in double quotes as SQL has it; None: it is no such name."""
    match = _QUOTED.fullmatch(text)
    return None if match is None else match[1].replace('""', '"')


ColumnName = Annotated[str, _NAME]


def parse_column(value: object) -> str:
    """Return the name of a column, in whatever spelling."""
    return str(_NAME.parse(value))


@dataclass(frozen=True, slots=True)
class TableName:
    """The name of a table or a function as declared; the database resolves an unquoted case."""

    schema_: str | None
    name: str
    schema_quoted: bool = False
    name_quoted: bool = False

    @classmethod
    def parse(cls, text: str, expected: str) -> "TableName":
        """Parse `name`, `schema.name` or `"Schema"."Name"`; raises ExpectedError."""
        match = _TABLE.fullmatch(text.strip())
        if match is None:
            advice = 'other names in double quotes and in a block, each separately: "My"."Table"'
            raise ExpectedError(expected, advice)
        schema, quoted_schema, name, quoted_name = match.groups()
        table = cls(
            schema_=(quoted_schema or "").replace('""', '"') or schema,
            name=(quoted_name or "").replace('""', '"') or name,
            schema_quoted=quoted_schema is not None,
            name_quoted=quoted_name is not None,
        )
        if any(len(part.encode()) > LONGEST_NAME for part in (table.schema_ or "", table.name)):
            kind, *_ = expected.partition(" such as ")
            raise ExpectedError(f"{kind} whose names have at most {LONGEST_NAME} bytes")
        return table

    def __str__(self) -> str:
        name = _quote(self.name) if self.name_quoted else self.name
        if self.schema_ is None:
            return name
        return f"{_quote(self.schema_) if self.schema_quoted else self.schema_}.{name}"


def qualified_name(expected: str) -> Parser:
    """Accept the name of a table or a function, with or without its schema."""

    def parse(value: object) -> TableName:
        if not isinstance(value, str):
            raise ExpectedError(expected, block=True)
        return TableName.parse(value, expected)

    return Parser(parse, is_sql=True)


def _require_complete(sql: str) -> None:
    """Raise ExpectedError where a part is missing, and say so where YAML has read it."""
    expected = "a whole SQL expression"
    comment = sql.comment if isinstance(sql, Text) else ""
    eaten = "YAML takes the rest of the line from # on as a comment"
    if re.match(r">|-(?!-)", comment):  # #>, #>>, #-
        raise ExpectedError(expected, eaten, block=True)
    try:
        check_complete(sql.strip())
    except IncompleteSqlError as error:
        if error.is_open and comment:
            raise ExpectedError(expected, eaten, block=True) from None
        # Where YAML joins lines, what follows a line comment becomes part of it.
        is_joined = error.is_open and "--" in sql and "\n" not in sql.strip()
        raise ExpectedError(expected, str(error), block=is_joined) from None


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
