"""Moment: a point in time in each row, as SQL that compares it and keeps its index usable.

Instant: the time that it is compared with.
"""

from dataclasses import dataclass


def interval(seconds: float) -> str:
    """Write a length of time as SQL: in seconds, because a day is not always 24 hours."""
    return f"interval '{seconds:.6f} seconds'"


def unix_time(seconds: float) -> str:
    """Write a Unix time as SQL: a float8, which may be infinite."""
    return f"'{seconds!r}'::float8"


@dataclass(frozen=True, slots=True)
class Instant:
    """A clock, as SQL. `scope` is the form around an expression of `at`."""

    at: str
    scope: str

    @property
    def now(self) -> str:
        return self.scope.format(self.at)

    def ago(self, seconds: float) -> str:
        return self.scope.format(f"{self.at} - {interval(seconds)}")

    def ahead(self, seconds: float) -> str:
        return self.scope.format(f"{self.at} + {interval(seconds)}")


#: The same for all statements of a transaction, and of a message with several transactions.
TRANSACTION_TIME = Instant(at="pg_catalog.now()", scope="({})")

#: The same everywhere in one statement that begins WITH this clock: read when the statement runs,
#: which may be long after its message arrived. Each use is a scalar subquery, computed once and not
#: for every row. The name is long so that it hides no table of an expression in the config.
CLOCK = "statement_clock_of_session_exporter"
CLOCK_QUERY = f"{CLOCK} AS MATERIALIZED (SELECT pg_catalog.clock_timestamp() AS now)"
STATEMENT_TIME = Instant(at="now", scope=f"(SELECT {{}} FROM {CLOCK})")  # noqa: S608 - a constant


#: Units per second of a number that counts since 1970, by the value of `epoch`.
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time in each row: the stored expression, and its meaning.

    Applications write values that stand for none: a number of 0 or less, an infinite time.
    """

    raw: str
    unit: float | None = None
    """Units per second of a number that counts since 1970; None for a timestamp."""
    is_whole: bool = True
    """For a number: whether its type holds only whole numbers."""
    has_zone_for_sure: bool = True
    """Whether it would still be read correctly if its type became one without a time zone."""
    is_naive: bool = False
    has_clock_changes: bool = False
    column: str | None = None
    """The column that holds it; None where it is computed."""
    is_among_columns: bool = False
    """Whether it is the value of one of the row's columns, also where a function chooses which."""

    @property
    def sql(self) -> str:
        """The moment as timestamptz. Naive timestamps are read in the transaction's TimeZone.

        NULL where the value stands for none. A number is held within what to_timestamp() takes
        (the last of PostgreSQL's years), because one absurd value must not fail the source.
        """
        if self.unit is not None:
            # NaN sorts above every number, infinity too. A whole number is neither.
            is_time = self.above_none
            if not self.is_whole:
                is_time += f" AND ({self.raw}) OPERATOR(pg_catalog.<) 'infinity'"
            seconds = f"least(({self.raw})::float8 / {self.unit:.0f}::float8, 9224318015999)"
            return f"CASE WHEN {is_time} THEN pg_catalog.to_timestamp({seconds}) END"
        is_time = f"pg_catalog.isfinite({self.raw})"
        if self.has_zone_for_sure:
            return f"CASE WHEN {is_time} THEN ({self.raw})::timestamptz END"
        return f"CASE WHEN {is_time} AND (true OR {self._fits}) THEN ({self.raw}) END"

    @property
    def dated(self) -> str:
        """`sql` for rows whose value is known to be a time: a timestamp without conversion."""
        if self.unit is not None:
            return self.sql
        if self.has_zone_for_sure:
            return f"({self.raw})::timestamptz"
        return f"CASE WHEN true OR {self._fits} THEN ({self.raw}) END"

    @property
    def _fits(self) -> str:
        """A condition that the planner drops, because it follows `true OR`.

        If the column becomes one without a time zone, the condition makes the statement fail, and
        the table is bound again: only timestamptz fits. Beside NULL a domain becomes its base type
        ("UNION, CASE, and Related Constructs").
        """
        any_time = "pg_catalog.tstzrange(NULL, NULL)"
        return f"{any_time} OPERATOR(pg_catalog.@>) coalesce(({self.raw}), NULL)"

    def units(self, instant: str) -> str:
        """A timestamptz as the number that is stored, with its fractions."""
        return f"(extract(epoch FROM {instant}) * {self.unit:.1f}::numeric)"

    def before(self, bound: str) -> str:
        """A condition on the stored value that can use its index: strictly before `bound`.

        It is also true for values that stand for none and are below every time: see above_none.
        """
        return self._compare("<", bound, "+")

    @property
    def above_none(self) -> str:
        """A condition on the stored value: above those that stand for none, except infinity."""
        bound = "'-infinity'" if self.unit is None else "0"
        return f"({self.raw}) OPERATOR(pg_catalog.>) {bound}"

    def from_(self, bound: str) -> str:
        """A condition on the stored value that can use its index: at `bound` or later."""
        return self._compare(">=", bound, "-")

    def _compare(self, operator: str, bound: str, widen: str) -> str:
        # Qualified, because a column may be of a domain, for which any role can create an operator.
        compared = f"({self.raw}) OPERATOR(pg_catalog.{operator})"
        if self.unit is not None:
            units = self.units(bound)
            # x < 1.5 and x < 2 are the same for whole numbers, and so are x >= 1.5 and x >= 2.
            return f"{compared} " + (f"pg_catalog.ceil{units}::bigint" if self.is_whole else units)
        if not self.is_naive:
            return f"{compared} {bound}"
        if not self.has_clock_changes:
            return f"{compared} ({bound})::timestamp"
        # Where the clock is put back an hour of local times means two instants: the index finds
        # a little more than needed, and the instant itself decides.
        nearby = f"{compared} ({bound})::timestamp {widen} interval '3 hours'"
        return f"{nearby} AND {self.sql} {operator} {bound}"
