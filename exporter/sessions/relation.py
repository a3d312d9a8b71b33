"""Relation: a declared table in the catalog, with its real name, kind and columns."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from exporter.config import TableName
from exporter.config.fields.sql import COLUMN, quoted_name
from exporter.config.fields.sql_lexer import escape_strings, fold
from exporter.errors import SchemaMismatch
from exporter.postgres import Lookup, Reader
from exporter.queries import fill, identifier, join_lines, literal, text_or_null
from exporter.sessions.sql_names import SYSTEM_COLUMNS, chains, names
from exporter.text import some_of

#: pg_class.relkind in words.
KINDS = {"r": "table", "p": "partitioned table", "v": "view"}
KINDS |= {"m": "materialized view", "f": "foreign table"}

_BARE_WORD = re.compile(COLUMN)
#: A type with its schema, as the catalog's statement spells it.
_QUALIFIED = re.compile(r"""("(?:[^"]|"")*"|[^\s."(\[]+)\.""")
_MOMENT = re.compile(r"timestamp(\(\d\))? with(out)? time zone|date")
_NUMBER = re.compile(r"smallint|integer|bigint|numeric(\(.*\))?|real|double precision")
#: Types of names and states, which only select the time.
_NAME = re.compile(r"(text|character|boolean|uuid|\"?char\"?)\b.*(?<!\])")

#: The value of `active: true`, also as the text of a condition.
ALWAYS = "true"


@dataclass(frozen=True, slots=True)
class Column:
    """One column, and if it is generated, how."""

    name: str
    type: str
    is_enum: bool
    generated_from: tuple[str, ...] = ()
    """The columns that its value is computed from."""
    virtual: str | None = None
    """The expression of a column that is computed when it is read, and not stored."""
    is_not_null: bool = False
    operators: str = "pg_catalog"
    """The schema of the operators that compare its values."""
    base: str = ""
    """The type below a domain, or the type itself, without a length."""

    def operator(self, symbol: str) -> str:
        """One of these, as SQL, independent of other operators in the search path."""
        return f"OPERATOR({identifier(self.operators)}.{symbol})"

    @property
    def type_schema(self) -> str | None:
        """The schema of its type, where that is not PostgreSQL's own."""
        found = _QUALIFIED.match(self.type)
        if found is None or not found[1].startswith('"'):
            return None if found is None else found[1]
        return found[1][1:-1].replace('""', '"')

    @property
    def is_array(self) -> bool:
        """Whether its type is an array, or a domain of one."""
        return self.base.endswith("[]")

    @property
    def is_json(self) -> bool:
        """Whether its type is json or jsonb, or a domain of these."""
        return self.base in {"json", "jsonb"}

    @property
    def is_moment(self) -> bool:
        """Whether its type is one of points in time."""
        return _MOMENT.fullmatch(self.base) is not None

    @property
    def counts_time(self) -> bool:
        """Whether its type is a time, or a number, which may count time."""
        return self.is_moment or _NUMBER.fullmatch(self.base) is not None

    @property
    def is_small(self) -> bool:
        """Whether an index can hold every value of its type."""
        return self.counts_time or self.is_enum or self.base in {"uuid", "boolean"}

    @property
    def names_something(self) -> bool:
        """Whether its type is for names and states, which at most select the time."""
        return self.is_enum or _NAME.fullmatch(self.base) is not None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partitioned table or view as the catalog has it."""

    oid: int
    schema: str
    name: str
    kind: str
    columns: Mapping[str, Column]

    @property
    def is_table(self) -> bool:
        """Whether it has its own rows, and so system columns; a partitioned table has them."""
        return self.kind in {"table", "partitioned table"}

    @property
    def sql(self) -> str:
        return identifier(self.schema, self.name)

    def column(self, word: str) -> Column:
        """The column for a bare word: in that spelling, else in lower case.

        Raises SchemaMismatch with the nearest names.
        """
        found = self.columns.get(word) or self.columns.get(fold(word))
        if found is None:
            near = difflib.get_close_matches(word, self.columns, n=1)
            columns = some_of(self.columns) or "none"
            hint = f"did you mean {near[0]}?" if near else f"it has {columns}"
            if (inner := quoted_name(word)) in self.columns:
                hint = f"a name is written without the double quotes of SQL here: {inner}"
            raise SchemaMismatch(f"{self.schema}.{self.name} has no column {word}; {hint}")
        return found

    def expression(self, text: str) -> str:
        """A bare word other than `true` becomes a column; other text is put on separate lines.

        Raises SchemaMismatch.
        """
        if text.lower() == ALWAYS:
            return ALWAYS
        if not is_bare_word(text):
            return f"\n{escape_strings(text)}\n"
        return f"s.{identifier(self.column(text).name)}"

    def columns_in(self, texts: Iterable[str]) -> list[str]:
        """The columns that expressions mention, in the table's order.

        Words are compared with the real columns, so that too many may be found (a function named
        like a column) but never too few; the whole row means all of them.
        """
        texts = list(texts)
        if any(map(self.uses_row, texts)):
            return list(self.columns)
        mentioned = set[str]().union(*map(names, texts))
        return [name for name in self.columns if name in mentioned]

    def uses_row(self, text: str) -> bool:
        """Whether the row itself is a value: `s`, `s.*`, or `s.f` for `f(s)`."""
        known = {*self.columns, *SYSTEM_COLUMNS}
        return any(chain.is_row and chain.of_row not in known for chain in chains(text))


#: One shared object for a column that many tables have.
_column = lru_cache(maxsize=4096)(Column)


def is_bare_word(text: str) -> bool:
    """Whether a declared expression is the name of a column."""
    return _BARE_WORD.fullmatch(text) is not None


async def find(reader: Reader, table: TableName) -> Relation:
    """Look up a declared table in the catalog. Raises SchemaMismatch if it does not exist."""
    rows = await reader.rows(Lookup(_query, table))
    if not rows:
        hint = await _suggest(reader, table)
        raise SchemaMismatch(f"there is no table or view {table} in this database; {hint}")
    _, oid, schema, name, kind = rows[0][:5]
    columns = [
        _column(name, type_, is_enum, tuple(generated_from), *others)
        for _, _, _, _, _, name, type_, is_enum, generated_from, *others in rows
        if name is not None
    ]
    return Relation(oid, schema, name, KINDS[kind], {each.name: each for each in columns})


async def _suggest(reader: Reader, table: TableName) -> str:
    """Which table may have been meant: of that name in another schema, or of a similar one."""
    known = await reader.rows(fill("collection/hints/tables", wanted=literal(table.name)))
    same = [(schema, name) for schema, name in known if fold(name) == fold(table.name)]
    names = {f"{schema}.{name}": (schema, name) for schema, name in known}
    if table.schema_ is None:
        names = {name: (schema, name) for schema, name in known}
    near = difflib.get_close_matches(str(table), names, n=1)
    found = same or [names[each] for each in near]
    if not found:
        return "check `table` and, without a schema in it, the role's search_path"
    meant = TableName(
        *found[0], schema_quoted=_needs_quotes(found[0][0]), name_quoted=_needs_quotes(found[0][1])
    )
    return f"did you mean {meant}?"


def _needs_quotes(name: str) -> bool:
    return re.fullmatch(COLUMN, name) is None or fold(name) != name


def _query(tables: Sequence[TableName]) -> str:
    """The statement that looks up several tables."""
    names = [f"({number}, {_spellings(table)})" for number, table in enumerate(tables)]
    return fill("catalog/relation", names=join_lines(names))


def _spellings(table: TableName) -> str:
    """The schema and the name, each as it is written and in lower case where it is not quoted."""
    schema, name = table.schema_, table.name
    lower_schema = schema if schema is None or table.schema_quoted else fold(schema)
    spellings = [schema, lower_schema, name, name if table.name_quoted else fold(name)]
    return ", ".join(f"{text_or_null(each)}::name" for each in spellings)
