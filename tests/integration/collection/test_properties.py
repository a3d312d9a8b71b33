"""Random rows through the collectors and through an oracle that knows no SQL: every sample of
both must be the same. Only the clock is not real: see database_clock.
"""

import asyncio
import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.collection.rows.inconsistent import kinds_of, list_inconsistent
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.sessions.orphan_list import Orphan, list_orphans
from exporter.sessions.session_table import SessionTable
from tests.support.collection import database_clock, declarations, oracle, pages
from tests.support.collection.open_transaction import Connection, OpenTransaction
from tests.support.collection.oracle import SECOND, Row, Rules, Time

LABELS = {"mood": ("a", "b'c\\", "%s {0}"), "level": ("1", "2")}
ORPHANED_AFTER, OVERLONG_AFTER, TOLERANCE = 5000, 28800, 60

#: Clocks that are put forward and back, at midnight too, by half an hour, or by a whole day.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/St_Johns",
    "Asia/Beirut",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
CHANGES = (
    "2025-03-30T01:00Z",  # Europe forward
    "2025-10-26T01:00Z",  # and back
    "2025-03-09T07:00Z",  # New York
    "2025-11-02T06:00Z",
    "2025-11-02T04:30Z",  # St. John's, while it is midnight in New York
    "2025-04-05T15:00Z",  # Lord Howe, by half an hour
    "2025-10-04T15:30Z",
    "2025-03-09T05:00Z",  # Havana: 0:00 becomes 1:00
    "2025-11-02T05:00Z",  # 1:00 becomes 0:00
    "2025-03-29T22:00Z",  # Beirut: 0:00 becomes 1:00
    "2025-10-25T21:00Z",
    "2011-12-30T10:00Z",  # Apia goes without a 30 December
    "2024-02-29T12:00Z",
    "2026-01-01T00:00Z",
)

#: Beyond the years that Python knows: as text, and in microseconds.
FAR = "200000-01-01 00:00:00+00"
FAR_AWAY = 6_249_223_180_800 * SECOND

KINDS = {
    "timestamptz": ("timestamptz", None),
    "timestamp": ("timestamp", None),
    "milliseconds": ("bigint", "ms"),
    "seconds": ("bigint", "s"),
}
COLUMNS = "id, there, active, start, seen, ended, duration, mood, level, broken, patience"

#: Thresholds of rows, as months, days and microseconds; some can be no threshold.
PATIENCE = (
    None,
    (0, 0, 0),
    (0, 0, -SECOND),
    (0, 0, ORPHANED_AFTER * SECOND),
    (0, 0, ORPHANED_AFTER * SECOND),
    (0, 0, 1),
    (0, 1, 0),
    (0, 1, -3600 * SECOND),
    (0, -1, 86400 * SECOND),
    (0, -1, 90000 * SECOND),
    (1, 0, 0),
    (1, -30, 0),
    (1, -29, 0),  # nothing from the end of January to February
    (-1, 31, SECOND),
    (12 * 999, 0, 0),
    (12 * 1000, 0, 0),
    (12 * 170_000_000, 0, 0),
    (0, 2_000_000_000, 0),
    (60_000_000, -1_800_000_000, SECOND),
)


@dataclass(frozen=True)
class Shape:
    """Which of the optional things a source declares."""

    has_seen: bool
    has_overlong: bool
    has_end: bool
    has_duration: bool
    has_integrity: bool
    has_where: bool
    labels: int
    days: int
    has_patience: bool = False

    def rules(self, zone: str) -> Rules:
        return Rules(
            has_end=self.has_end,
            has_seen=self.has_seen,
            has_duration=self.has_duration,
            has_integrity=self.has_integrity,
            labels=dict(list(LABELS.items())[: self.labels]),
            orphaned_after=None if self.has_patience else ORPHANED_AFTER,
            zone=zone,
            overlong_after=OVERLONG_AFTER if self.has_overlong else None,
            future_tolerance=TOLERANCE,
        )


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    has_seen = draw(st.booleans())
    return Shape(
        has_seen=has_seen,
        has_overlong=has_seen and draw(st.booleans()),
        has_end=draw(st.booleans()),
        has_duration=draw(st.booleans()),
        has_integrity=draw(st.booleans()),
        has_where=draw(st.booleans()),
        labels=draw(st.integers(0, 2)),
        days=draw(st.sampled_from([4, 4, 1, 9])),
        has_patience=draw(st.booleans()),
    )


def yaml(shape: Shape, kind: str) -> str:
    epoch = KINDS[kind][1]

    def moment(key: str, column: str) -> str:
        return f"  {key}: {{column: {column}, epoch: {epoch}}}" if epoch else f"  {key}: {column}"

    lines = [
        "rows:",
        f"  table: public.{kind}",
        "  active: active",
        "  id: id",
        f"  orphaned_after: {'{sql: patience}' if shape.has_patience else f'{ORPHANED_AFTER}s'}",
        f"  daily: {{days: {shape.days}}}",
        moment("started_at", "start"),
    ]
    lines += [moment("last_seen_at", "seen")] * shape.has_seen
    lines += [f"  overlong_after: {OVERLONG_AFTER}s"] * shape.has_overlong
    lines += [moment("ended_at", "ended")] * shape.has_end
    lines += ["  duration: duration"] * shape.has_duration
    lines += ["  integrity: {broken: broken}"] * shape.has_integrity
    lines += ["  where: there"] * shape.has_where
    if shape.labels:
        lines.append("  labels:")
    for name, values in list(LABELS.items())[: shape.labels]:
        quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
        lines.append(f"    {name}: {{value: {name}, values: [{quoted}]}}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def connection(database: EmbeddedDatabase) -> Iterator[Connection]:
    """Empty tables, one for each way of storing a time."""
    with database.connect() as connection:
        database_clock.fake_clock(connection)
        for name, (type_, _) in KINDS.items():
            connection.execute(
                f"CREATE TABLE public.{name} (id int, there bool, active bool, start {type_}, "
                f"seen {type_}, ended {type_}, duration float8, mood text, level text, "
                "broken bool, patience interval)"
            )
        yield connection


@st.composite
def moments(draw: st.DrawFn) -> int:
    """A time to be now at: near a change of clocks more often than not."""
    change = dt.datetime.fromisoformat(draw(st.sampled_from(CHANGES)))
    hours = draw(st.sampled_from([*range(-3, 4), 20, 24, 25, 30, 49, 70]))
    microseconds = draw(st.sampled_from([0, 1, -1, 1234567, -999_999]))
    return int(change.timestamp() + hours * 3600) * SECOND + int(microseconds)


@st.composite
def times(draw: st.DrawFn, now: int, days: list[oracle.Day]) -> Time:
    """A time near a boundary, somewhere around, or absurd."""
    how = draw(st.integers(0, 9))
    if how == 0:
        return None
    if how == 1:
        return draw(st.sampled_from([math.inf, -math.inf, 0, FAR_AWAY]))
    if how < 5:
        return now + draw(st.integers(-5 * 86400, 86400)) * SECOND + draw(st.integers(0, SECOND))
    ages = (*oracle.BOUNDS, ORPHANED_AFTER, OVERLONG_AFTER, -TOLERANCE, 0)
    near = [now - age * SECOND for age in ages] + [day.start for day in days] + [days[-1].end]
    return draw(st.sampled_from(near)) + draw(st.sampled_from([0, 0, 1, -1, SECOND, -SECOND]))


DURATIONS = (
    st.none() | st.sampled_from([0.0, -0.5, math.nan, math.inf, -math.inf]) | st.floats(0, 1e9)
)
MAYBE = st.sampled_from([True, True, False, None])


@st.composite
def tables(draw: st.DrawFn, now: int, days: list[oracle.Day]) -> list[Row]:
    """Rows; the labels are often ones that are not declared."""
    at = times(now, days)
    return [
        Row(
            id=number,
            exists=draw(MAYBE),
            active=draw(MAYBE),
            start=draw(at),
            seen=draw(at),
            ended=draw(at),
            duration=draw(DURATIONS),
            labels=(
                draw(st.sampled_from([*LABELS["mood"], "other", "A", None])),
                draw(st.sampled_from(["1", "2", "3", None])),
            ),
            broken=draw(MAYBE),
            patience=draw(st.sampled_from(PATIENCE)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def text(at: Time) -> str | None:
    """A time as PostgreSQL reads it, exactly."""
    if at is None or math.isinf(at):
        return None if at is None else str(at).replace("inf", "infinity")
    if at == FAR_AWAY:
        return FAR
    whole, rest = divmod(int(at), SECOND)
    date = (oracle.EPOCH + dt.timedelta(seconds=whole)).isoformat(sep=" ")
    return f"{date}.{rest:06}+00"


def stored(kind: str, at: Time, zone: str) -> tuple[str | None, Time]:
    """What is in the column, and which instant that is; None where it stands for none."""
    if kind == "timestamptz" or at is None:
        return text(at), None if at is None or math.isinf(at) else at
    if kind == "timestamp":
        if math.isinf(at) or at == FAR_AWAY:
            return text(math.copysign(math.inf, at)), None
        shown = oracle.local(int(at), zone)
        return shown.isoformat(sep=" "), oracle.instant(shown, zone)
    unit = SECOND if kind == "seconds" else 1000
    if math.isinf(at):
        # The nearest that an integer comes: it is held within PostgreSQL's own years.
        return (str(2**63 - 1), 9224318015999 * SECOND) if at > 0 else (str(-(2**63)), None)
    return str(int(at) // unit), int(at) // unit * unit if at >= unit else None


def insert(connection: Connection, kind: str, rows: list[Row], zone: str) -> list[Row]:
    """Write the rows; return them as they then are."""
    written, values = [], []
    for row in rows:
        pairs = [stored(kind, at, zone) for at in (row.start, row.seen, row.ended)]
        start, seen, ended = (at for _, at in pairs)
        written.append(replace(row, start=start, seen=seen, ended=ended))
        flags = (row.id, row.exists, row.active)
        stored_times = [each for each, _ in pairs]
        patience = row.patience and "{} mons {} days {} microseconds".format(*row.patience)
        values.append((*flags, *stored_times, row.duration, *row.labels, row.broken, patience))
    type_ = KINDS[kind][0]
    lists = [list(column) for column in zip(*values, strict=True)] or [[]] * 11
    connection.execute(
        f"INSERT INTO public.{kind} ({COLUMNS}) SELECT * FROM unnest(%s::int[], %s::bool[],"
        f" %s::bool[], %s::{type_}[], %s::{type_}[], %s::{type_}[], %s::float8[], %s::text[],"
        " %s::text[], %s::bool[], %s::interval[])",
        lists,
    )
    return written


def differences(found: dict[Any, float], wanted: dict[Any, float]) -> dict[str, str]:
    """Counts and timestamps are exact; sums and averages as exact as a float."""

    def same(name: str, one: float | None, other: float | None) -> bool:
        if one is None or other is None or not name.endswith(("_gsum", "seconds", "by_label")):
            return one == other
        return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-6)

    return {
        f"{key[0]}{dict(key[1])}": f"{found.get(key)}, expected {wanted.get(key)}"
        for key in found.keys() | wanted.keys()
        if not same(key[0], found.get(key), wanted.get(key))
    }


SETTINGS = settings(
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # rolled back after each
)


@settings(SETTINGS, max_examples=20)
@pytest.mark.quick("timestamptz")
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_sample_is_what_the_words_of_the_design_say(
    connection: Connection, tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    compare(connection, tmp_path, kind, data)


@pytest.mark.slow
@settings(SETTINGS, max_examples=250)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_sample_is_that_in_many_more_tables(
    connection: Connection, tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    compare(connection, tmp_path, kind, data)


def compare(connection: Connection, tmp_path: Path, kind: str, data: st.DataObject) -> None:
    now, shape = data.draw(moments(), "now"), data.draw(shapes(), "shape")
    zone = data.draw(st.sampled_from(ZONES), "timezone")
    written_in = data.draw(st.sampled_from(ZONES), "timestamps_in")
    days = oracle.calendar(now, zone, shape.days)
    rows = data.draw(tables(now, days), "rows")
    source = declarations.source_of(tmp_path, yaml(shape, kind)).model_copy(
        update={"timezone": zone, "timestamps_in": written_in}
    )

    with connection.transaction(force_rollback=True):
        database_clock.set_clock_of(connection, text(now) or "")
        rows = insert(connection, kind, rows, written_in)
        if not shape.has_where:
            rows = [replace(row, exists=True) for row in rows]
        if not shape.has_seen:
            rows = [replace(row, seen=None) for row in rows]
        reader = OpenTransaction(connection, source)
        found, *lists = asyncio.run(collect(reader, source))

    rules = shape.rules(written_in)
    wanted = oracle.expected(rows, rules, now, days)
    assert not differences(found, wanted)
    for after, orphans in zip((rules, replace(rules, orphaned_after=60)), lists, strict=True):
        expected = {row.id: row for row in oracle.orphans(rows, now, after)}
        assert {int(str(orphan.id or -1)) for orphan in orphans} == expected.keys()
        for orphan in orphans:
            assert_describes(orphan, expected[int(str(orphan.id or -1))], now)
            assert orphan.threshold == threshold_of(expected[int(str(orphan.id or -1))], rules)
        if kind != "timestamp":  # of times that the clock skipped, the order is that of the clock
            by = [oracle.orphaned_at(expected[int(str(each.id or -1))], after) for each in orphans]
            assert by == sorted(by, key=lambda at: at or 0)


def threshold_of(row: Row, rules: Rules) -> Any:
    """What the list shows of a row's own threshold, in seconds."""
    at = oracle.orphaned_at(row, rules)
    if at is None or row.last_seen is None or rules.orphaned_after is not None:
        return None
    return pytest.approx((at - row.last_seen) / SECOND, abs=1e-5)


def assert_describes(orphan: Orphan, row: Row, now: int) -> None:
    assert row.last_seen is not None
    assert orphan.last_seen == row.last_seen / SECOND
    assert orphan.silence == pytest.approx((now - row.last_seen) / SECOND, abs=1e-5)
    if row.start is None:
        assert orphan.age is None
    else:
        assert orphan.age == pytest.approx((now - row.start) / SECOND, abs=1e-5)


async def collect(
    reader: OpenTransaction, source: Source
) -> tuple[dict[Any, float], list[Orphan], list[Orphan]]:
    """The samples of both collectors, the orphans, and those silent for a minute."""
    table = await sessions.bind(reader, source)
    active = await Active().collect(reader, table, None)
    daily = await Daily().collect(reader, table, None)
    samples = [*Active().samples(source, active), *Daily().samples(source, daily)]
    found = pages.values(samples)
    assert len(found) == len(samples)
    listed = await list_orphans(reader, table, limit=99)
    earlier = await list_orphans(reader, table, limit=99, older_than=60.0)
    assert listed.orphaned_count == len(listed.orphans)
    await assert_lists_the_inconsistent(reader, table, found)
    return found, list(listed.orphans), list(earlier.orphans)


async def assert_lists_the_inconsistent(
    reader: OpenTransaction, table: SessionTable, found: dict[Any, float]
) -> None:
    """As many rows of each kind as are counted; together each of them once."""
    counted = {
        dict(labels)["kind"]: value
        for (name, labels), value in found.items()
        if name == "sessions_inconsistent"
    }
    of_table = {"seen_after_end"} if table.seen_after_end is None else set()
    assert list(counted) == [kind for kind in kinds_of(table.source) if kind not in of_table]
    every = await list_inconsistent(reader, table, kind=None, limit=99)
    for kind, count in counted.items():
        of = await list_inconsistent(reader, table, kind=kind, limit=99)
        assert of.count == len(of.rows) == count, kind
        ids = [row.id for row in every.rows if kind in row.kinds]
        assert sorted(ids, key=str) == sorted((row.id for row in of.rows), key=str)
    assert every.count == len(every.rows)
