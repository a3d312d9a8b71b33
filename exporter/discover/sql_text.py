"""SQL as a person writes it in a config file: quoted only where it has to be."""

import re

from exporter.discover.facts import ColumnFacts
from exporter.queries import identifier

#: Reserved words of PostgreSQL that a column of a session table may be called (SQL Key Words).
_RESERVED = frozenset(
    (
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "both",
        "case",
        "cast",
        "check",
        "collate",
        "column",
        "constraint",
        "create",
        "current_user",
        "default",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "from",
        "grant",
        "group",
        "having",
        "in",
        "initially",
        "intersect",
        "into",
        "lateral",
        "leading",
        "limit",
        "localtime",
        "not",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "placing",
        "primary",
        "references",
        "returning",
        "select",
        "session_user",
        "some",
        "symmetric",
        "table",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "variadic",
        "when",
        "where",
        "window",
        "with",
        "left",
        "right",
        "full",
        "join",
        "natural",
        "cross",
        "inner",
        "outer",
        "is",
        "like",
        "between",
        "interval",
        "time",
        "timestamp",
        "values",
        "exists",
        "overlaps",
        "s",
    )
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def name_sql(name: str) -> str:
    """A name, quoted where it has to be."""
    return name if _PLAIN.fullmatch(name) and name not in _RESERVED else identifier(name)


def column_sql(name: str) -> str:
    """A column in an expression."""
    return name_sql(name)


def expression_sql(name: str) -> str:
    """A column where an expression may stand: a single word is the column of that spelling."""
    return name if _WORD.fullmatch(name) else identifier(name)


def table_sql(schema: str, name: str) -> str:
    """A table with its schema."""
    return f"{name_sql(schema)}.{name_sql(name)}"


def text_sql(value: str) -> str:
    """A text as a literal."""
    return "'" + value.replace("'", "''") + "'"


def number_sql(value: float, column: ColumnFacts) -> str:
    """What stands for no time in a column, as a literal."""
    if column.is_timestamp:
        return "'0001-01-01'" if value < -62e9 else "'1970-01-01'"
    return f"{value:.0f}"
