"""SQL as a config file writes it: expressions, which stay as they are, and names of tables.

Expressions are the operator's own and trusted like code. What is checked here is only what YAML
does to them, and that each is one expression.
"""

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import ValidationInfo

from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.file.place import Text

MAX_IDENTIFIER = 63  # bytes; PostgreSQL cuts longer ones silently (NAMEDATALEN)

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
COLUMN = r"[^\W\d][\w$]*"
_PART = rf'(?:({COLUMN})|"((?:[^"\0]|"")+)")'
_TABLE = re.compile(rf"(?:{_PART}\.)?{_PART}")


class Expression(Parser):
    """An SQL expression over the row `s`."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the expression as it is written, without the space around it."""
        if not isinstance(value, str):
            eaten = isinstance(value, dict | list)
            advice = "" if eaten or value is None else "put it in quotes"
            raise ExpectedError("an SQL expression", advice, block=eaten)
        if not value.strip():
            raise ExpectedError("an SQL expression")
        if ";" in value:
            raise ExpectedError("one SQL expression without ;")
        if "\0" in value:
            raise ExpectedError("an SQL expression without NUL characters")
        if isinstance(value, Text) and _is_cut_off(value):
            advice = "YAML takes the rest of the line from # on as a comment"
            raise ExpectedError("a whole SQL expression", advice, block=True)
        return str(value).strip()


Sql = Annotated[str, Expression()]


@dataclass(frozen=True, slots=True)
class TableName:
    """The name of a table as declared; an unquoted one is still to be looked up."""

    schema_: str | None
    name: str
    schema_quoted: bool = False
    name_quoted: bool = False

    EXAMPLE: ClassVar[str] = "a table such as public.sessions"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name`, `schema.name` or `"Schema"."Name"`; raises ExpectedError."""
        match = _TABLE.fullmatch(text.strip())
        if match is None:
            advice = 'other names in double quotes and in a block, each by itself: "My"."Table"'
            raise ExpectedError(cls.EXAMPLE, advice)
        schema, quoted_schema, name, quoted_name = match.groups()
        table = cls(
            schema_=_unquoted(quoted_schema) or schema,
            name=_unquoted(quoted_name) or name,
            schema_quoted=quoted_schema is not None,
            name_quoted=quoted_name is not None,
        )
        if any(len(part.encode()) > MAX_IDENTIFIER for part in (table.schema_ or "", table.name)):
            kind, *_ = cls.EXAMPLE.partition(" such as ")
            raise ExpectedError(f"{kind} whose names have at most {MAX_IDENTIFIER} bytes")
        return table

    def __str__(self) -> str:
        name = _quoted(self.name) if self.name_quoted else self.name
        if self.schema_ is None:
            return name
        return f"{_quoted(self.schema_) if self.schema_quoted else self.schema_}.{name}"


class FunctionName(TableName):
    """The same of a function."""

    EXAMPLE: ClassVar[str] = "a function such as session_exporter.recover_calls"


class Table(Parser):
    """The name of a table in a file."""

    kind: ClassVar[type[TableName]] = TableName

    def parse(self, value: object, _info: ValidationInfo, /) -> TableName:
        """Return its parts."""
        if isinstance(value, self.kind):
            return value
        if not isinstance(value, str):
            raise ExpectedError(self.kind.EXAMPLE, block=True)
        return self.kind.parse(value)


class Function(Table):
    """The name of a function in a file."""

    kind = FunctionName


def _is_cut_off(value: Text) -> bool:
    """Whether the comment behind the text is the rest of it: `#>`, `#>>`, `#-`, an open quote."""
    if not value.comment:
        return False
    rest = _QUOTED.sub("", value)
    opened, closed = (sum(map(rest.count, kind)) for kind in ("([", ")]"))
    unfinished = opened > closed or "'" in rest or '"' in rest
    return unfinished or re.match(r">|-(?!-)", value.comment) is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unquoted(inside: str | None) -> str | None:
    return inside.replace('""', '"') if inside is not None else None
