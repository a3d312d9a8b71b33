"""SessionTable: the one definition of active, last seen and orphaned, as SQL on a real table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from exporter.config import Source
from exporter.queries import fill
from exporter.sessions.moments import CLOCK_QUERY, STATEMENT_TIME, Instant, Moment
from exporter.sessions.orphaned import (
    causes,
    has_ended,
    is_orphaned,
    is_seen_after_end,
    last_seen,
    orphaned_at_of_row,
)
from exporter.sessions.relation import ALWAYS, Relation


def time_zone(source: Source) -> str:
    """The TimeZone of every transaction on a source: how naive timestamps are read."""
    return source.timestamps_in or "UTC"


@dataclass(frozen=True, slots=True)
class SessionTable:
    """One source on one real table; from `rows` on, the attributes are SQL about the row `s`."""

    source: Source
    relation: Relation
    expressions: Mapping[str, str]
    """Everything declared, by its config key."""
    types: Mapping[str, str]
    """The type of each expression, as PostgreSQL names it."""
    rows: str
    """The condition for rows that exist and are active."""
    exists: str
    """The condition for rows that exist: `where`."""
    active: str
    started_at: Moment
    last_seen_at: Moment | None
    ended_at: Moment | None
    duration: str | None
    """Seconds, NULL when unknown."""
    labels: tuple[str, ...]
    """For each declared label the number of its value, the last number for every other value."""
    integrity: tuple[str, ...]
    limit_key: str | None
    """The user of a session, by `limit_per`; NULL if unknown."""
    id: tuple[str, ...]
    """A value for each column of the id; none where it is not declared."""
    show: tuple[str, ...]
    threshold: str | None = None
    """The interval of each row after which it is orphaned; None: `orphaned_after` is a duration."""
    owner: str | None = None
    """The owner of the session, as text; NULL if unknown. None: no `owner` is declared."""
    encoding: str = "UTF8"
    """The encoding of the database, by PostgreSQL's name; only read with evidence."""
    reads_foreign: bool = False
    """Whether a read waits for another server, which may never answer."""
    _kept: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def table(self) -> str:
        return self.relation.sql

    @property
    def deciding_key(self) -> str | None:
        """The config key that decides which rows are active: for active: true `where`, or None."""
        if self.expressions["active"] != ALWAYS:
            return "active"
        return "where" if "where" in self.expressions else None

    @property
    def last_seen(self) -> str:
        return last_seen(self.started_at, self.last_seen_at)

    @property
    def max_per_key(self) -> str:
        """How many active sessions a key may have, as SQL; nothing without `limit_per`."""
        return "" if self.source.limit_per is None else str(self.source.limit_per.max)

    @property
    def id_text(self) -> str | None:
        """The id as text, for several columns a JSON array; None if it is not declared.

        The same text as the key by which recovery knows a session.
        """
        texts = [f"({value})::text" for value in self.id]
        if len(texts) > 1:
            return f"pg_catalog.jsonb_build_array({', '.join(texts)})::text"
        return next(iter(texts), None)

    @property
    def orphaned_at(self) -> str | None:
        """When the row's own threshold makes it orphaned; None if all rows share one duration."""
        if self.threshold is None:
            return None
        return orphaned_at_of_row(self.last_seen, self.threshold)

    @property
    def own_seconds(self) -> str | None:
        """The row's own threshold in seconds, as float8; None if all rows share one duration."""
        own = self.orphaned_at
        return None if own is None else f"extract(epoch FROM {own} - {self.last_seen})::float8"

    @property
    def last_seen_order(self) -> str:
        """The expression to order by last seen: the stored start if equal, for its index."""
        return self.started_at.raw if self.last_seen_at is None else self.last_seen

    def has_ended(self, time: Instant) -> str:
        """Whether an active row has an end that has passed: one in the future is only planned."""
        if self.ended_at is None:
            return "false"
        return has_ended(self.started_at.sql, self.ended_at.sql, time)

    @property
    def seen_after_end(self) -> str | None:
        """Whether a closed row was seen more than `future_tolerance` after its end.

        None where the last sign of life is computed: that may read a whole document of each closed
        row, or fail for one.
        """
        seen, end = self.last_seen_at, self.ended_at
        if seen is None or end is None or not seen.is_among_columns:
            return None
        return is_seen_after_end(
            self.started_at, seen, end, self.active, self.source.future_tolerance
        )

    def stored_in(self, column: str) -> Moment | None:
        """The moment that a column is declared to hold."""
        declared = (self.ended_at, self.last_seen_at, self.started_at)
        return next((each for each in declared if each and each.column == column), None)

    def orphaned(self, time: Instant, after: float | None = None) -> str:
        """Whether a row is orphaned at a time, by any cause.

        `after`, in seconds, replaces `orphaned_after`; then a row with another cause than age also
        has to have been silent for that time.
        """
        if self.source.has_evidence:
            return f"({self.cause(time, after)}) IS NOT NULL"
        return self.orphaned_by_age(time, after)

    def cause(self, time: Instant, after: float | None = None) -> str:
        """Why a row is orphaned, one of CAUSES; NULL where it is not. See orphaned()."""
        by_age = self.orphaned_by_age(time, after)
        return causes.cause(
            last_seen=self.last_seen,
            by_age=by_age,
            owner=self.owner if self.source.owners_name is not None else None,
            listed=self._listed(time, after),
            is_silent=None if after is None else by_age,
        )

    @property
    def is_listed(self) -> str | None:
        """Whether a list holds a row; None where the source has no list."""
        id_text = self.id_text
        if self.source.list is None or id_text is None:
            return None
        return causes.is_listed(id_text)

    def _listed(self, time: Instant, after: float | None) -> causes.Listed | None:
        """The state of a row in a list; None if the source has no list."""
        id_text = self.id_text
        if self.source.list is None or id_text is None:
            return None
        after = self.source.fixed_threshold if after is None else after
        if after is not None:
            is_stale = causes.is_listed_before(id_text, time.ago(after))
        else:
            line = orphaned_at_of_row(causes.seen_in_list(id_text), str(self.threshold))
            is_stale = f"{causes.is_listed(id_text)} AND {line} < {time.now}"
        # A time in the future is no sign of life; then the times of the row decide. They are
        # evaluated first, so that the list is read a second time for few rows.
        latest = time.ahead(self.source.future_tolerance)
        is_ahead = causes.is_listed_after(id_text, latest)
        by_age = self.orphaned_by_age(time, after)
        return causes.Listed(id_text, f"({is_stale} OR ({by_age}) AND {is_ahead})")

    def is_live_in_list(self, time: Instant) -> str:
        """Whether a list holds a row without a sign of life that is too old; never NULL."""
        listed = self._listed(time, None)
        if listed is None:
            return "false"
        is_listed = causes.is_listed(listed.id_text)
        return f"coalesce({is_listed} AND ({listed.is_stale}) IS NOT TRUE, false)"

    def orphaned_by_age(self, time: Instant, after: float | None = None) -> str:
        """is_orphaned() at a time, by `orphaned_after` or after another time in seconds.

        By the threshold of the row, if each row has its own.
        """
        if after is None:
            after = self.source.fixed_threshold
        if after is None:
            return f"{self.orphaned_at} < {time.now}"
        return is_orphaned(self.started_at, self.last_seen_at, after, time)

    def limited_keys(self, after: float | None = None) -> str:
        """The query for the keys at the limit of `limit_per`, at the time of the statement."""
        return self.statement(
            "collection/keys/limited",
            key=str(self.limit_key),
            orphaned=self.orphaned(STATEMENT_TIME, after),
            last_seen=self.last_seen,
            max=self.max_per_key,
        )

    def keep(self, name: str, make: Callable[["SessionTable"], str]) -> str:
        """The statement that `make` builds from this table, once for as long as it is bound."""
        if name not in self._kept:
            self._kept[name] = make(self)
        return self._kept[name]

    def statement(self, name: str, **parts: str) -> str:
        """Fill the template `name` with the table, its conditions, a clock, and further `parts`."""
        common = {
            "table": self.table,
            "rows": self.rows,
            "exists": self.exists,
            "clock": CLOCK_QUERY,
        }
        return fill(name, **(common | parts))
