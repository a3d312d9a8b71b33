"""What the catalog and the statistics say of tables, as values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Types of a point in time, and numbers that may count since 1970.
TIMESTAMPS = frozenset({"timestamptz", "timestamp"})
NUMBER_TYPES = frozenset({"int4", "int8", "float4", "float8", "numeric"})
TEXT_TYPES = frozenset({"text", "varchar", "bpchar", "citext", "char"})


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What ANALYZE knows of a column."""

    null_share: float
    distinct: float
    """Number of distinct values; negative: as a share of the rows."""
    common: Sequence[tuple[str, float]] = ()
    """The most common values with their shares."""


@dataclass(slots=True)
class ColumnFacts:
    """A column; what only some tables are asked for is empty until then."""

    name: str
    base_type: str
    """The name of the type in pg_type, of a domain the one below it."""
    is_enum: bool
    not_null: bool
    declared_type: str = ""
    default: str | None = None
    labels: Sequence[str] = ()
    """Of an enum, in its order."""
    comment: str | None = None
    is_readable: bool = True
    statistics: ColumnStatistics | None = None

    @property
    def is_time(self) -> bool:
        """Whether it can be a point in time by its type."""
        return self.base_type in TIMESTAMPS or self.base_type in NUMBER_TYPES

    @property
    def is_timestamp(self) -> bool:
        return self.base_type in TIMESTAMPS

    @property
    def is_naive(self) -> bool:
        """Whether it is a timestamp without time zone."""
        return self.base_type == "timestamp"

    @property
    def is_bool(self) -> bool:
        return self.base_type == "bool"

    @property
    def is_text(self) -> bool:
        return self.base_type in TEXT_TYPES or self.is_enum


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """A valid index."""

    is_primary: bool
    is_unique: bool
    columns: Sequence[str | None]
    """The key columns in order; None stands for an expression."""
    predicate: str | None
    """Of a partial index, as pg_get_expr writes it."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference of one table to another, both by their oid."""

    table: int
    columns: Sequence[str]
    referenced: int


@dataclass(frozen=True, slots=True)
class Activity:
    """How often rows were inserted, updated and deleted since the statistics began."""

    inserted: int
    updated: int
    deleted: int


@dataclass(slots=True)
class TableFacts:
    """A table or view, with what was read of it."""

    oid: int
    schema: str
    name: str
    kind: str
    """As in pg_class.relkind."""
    rows: float
    """Estimated; negative: never analyzed."""
    pages: int
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    comment: str | None = None
    is_usable: bool = True
    """Whether the role may use the schema."""
    has_row_security: bool = False
    """Whether row-level security applies to the role."""
    triggers: Sequence[str] = ()
    partitions: int = 0
    indexes: list[IndexFacts] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    references: list[ForeignKey] = field(default_factory=list)
    referenced_by: list[ForeignKey] = field(default_factory=list)
    activity: Activity | None = None

    @property
    def can_be_named(self) -> bool:
        """Whether a config file can hold all of its names: none has a control character."""
        return all(map(str.isprintable, (self.schema, self.name, *self.columns)))

    @property
    def is_view(self) -> bool:
        return self.kind in {"v", "m"}

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key, else of a unique one without NULL; empty: none."""
        for index in self.indexes:
            names = [each for each in index.columns if each is not None]
            if not index.is_unique or index.predicate or len(names) != len(index.columns):
                continue
            if index.is_primary or all(self.columns[each].not_null for each in names):
                return tuple(names)
        return ()

    def signature(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What a copy of it in another schema has as well."""
        return self.name, tuple((each.name, each.base_type) for each in self.columns.values())


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server, the role that looked, and what it may see."""

    role: str
    database: str
    version: str
    is_standby: bool
    timezone: str
    now: float
    """Unix time, of the database's clock."""
    sees_statistics: bool
    """Whether the role may read the statements of all roles."""
    statements_schema: str | None
    """Where pg_stat_statements is, quoted; None: it is not installed."""
    backend_pid: int = 0
    is_pooled: bool = False
    """Whether a pooler stands before the server."""

    @property
    def major(self) -> int:
        """The major version."""
        digits = re.match(r"[0-9]+", self.version)
        return int(digits[0]) if digits else 0
