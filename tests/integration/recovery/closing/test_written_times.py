"""`{end}` takes type, unit and zone from the column that is written, and is never in the future."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.check.recovery import check_recovery
from exporter.cli.output.plan import plan_text
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import SchemaMismatch, SourceError
from exporter.postgres.error_causes import ENDS_AHEAD
from exporter.recovery.manual import require_past_ends
from exporter.recovery.plan.plan import make_plan
from exporter.recovery.rule.limits import NO_LIMITS
from tests.support.collection.database_clock import set_clock
from tests.support.collection.declarations import settings_of
from tests.support.recovery.automatic.runner import Recover, open_ones, sessions
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.recovery.planned_stops import run, stopping
from tests.support.servers.statements import rows

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: {started}
  last_seen_at: seen
  ended_at: {ended}
  {zone}
  id: id
  orphaned_after: 2h
  recovery:
    end_at: |
      {end_at}
    set:
      is_open: false
      {column}: |
        {value}
"""
ZONE = "timestamps_in: Europe/Berlin"
SEEN = "to_timestamp(1764160000.125)"
LOCAL = f"{SEEN} AT TIME ZONE 'Europe/Berlin'"
#: How the start is stored: its type, its value and its declaration.
STARTS = {
    "naive": ("timestamp", f"({LOCAL})", "at"),
    "aware": ("timestamptz", SEEN, "at"),
    "seconds": ("bigint", "1764160000", "{column: at, epoch: s}"),
}
#: What is written: the type of the column, the declaration of ended_at, and what it is then.
WRITTEN = {
    "s": ("integer", "{column: ended, epoch: s}", "1764160000"),
    "ms": ("bigint", "{column: ended, epoch: ms}", "1764160000125"),
    "us": ("public.counted", "{column: ended, epoch: us}", "1764160000125000"),
    "ns": ("numeric", "{column: ended, epoch: ns}", "1764160000125000000"),
    "fraction": ("float8", "{column: 'NULLIF(s.ended, -1)', epoch: s}", "1764160000.125"),
    "local": ("timestamp(3)", "ended", LOCAL),
    "local, undeclared": ("timestamp", "null", LOCAL),
    "instant": ("timestamptz", "ended", SEEN),
    "domain": ("public.moment", "null", SEEN),
}
DOMAINS = (
    "CREATE DOMAIN public.moment AS timestamptz;"
    " CREATE DOMAIN public.counted AS bigint DEFAULT -1 NOT NULL"
)


def prepare(database: EmbeddedDatabase, start: str, type_: str) -> None:
    started_type, started, _ = STARTS[start]
    run(
        database,
        DOMAINS,
        "CREATE TABLE public.chat (id serial PRIMARY KEY, is_open bool DEFAULT true,"
        f" at {started_type} DEFAULT {started}, seen timestamptz DEFAULT {SEEN}, ended {type_},"
        " planned timestamptz)",
        "INSERT INTO public.chat DEFAULT VALUES",
    )


def chat(start: str, ended: str = "null", end_at: str = "last_seen", **more: str) -> str:
    zone = more.get("zone", ZONE)
    column, value = more.get("column", "ended"), more.get("value", "{end}")
    declared = STARTS[start][2]
    return CHAT.format(
        started=declared, ended=ended, zone=zone, end_at=end_at, column=column, value=value
    )


@pytest.mark.quick("naive-ms", "aware-s", "seconds-local, undeclared")
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("start", STARTS)
async def test_an_end_takes_type_unit_and_zone_from_its_column(
    database: EmbeddedDatabase, tmp_path: Path, start: str, written: str
) -> None:
    type_, ended, value = WRITTEN[written]
    prepare(database, start, type_)
    async with stopping(database, tmp_path, chat(start, ended)) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=True, show=5, limits=NO_LIMITS)
        found = await all_candidates(it.reader, it.rule, with_backlog=True)
        outcome = await close_found(it.writer, it.rule, found, with_backlog=True)
    assert (outcome.closed, outcome.refused, plan.future_ends) == (1, {}, "")
    if written == "s" and start != "seconds":
        value = "1764160001"  # rounded down it would be before the start
    assert rows(database, f"SELECT ended = ({value})::{type_} FROM chat") == [(True,)]
    if written == "ms":
        meant = "2025-11-26 13:26:40.125+01"
        assert f"1764160000125 ({meant})" in plan_text(plan, "app")
        assert plan.previews[0].times == {"ended": meant}


@pytest.mark.quick("numeric", "timestamp", "date")
@pytest.mark.parametrize(
    ("type_", "more", "said"),
    [
        ("bigint", {}, "ended_at: {column: ended, epoch: s} (or ms, us, ns)"),
        ("bigint", {}, "floor(extract(epoch FROM {end}))"),
        ("numeric", {"start": "seconds"}, "{end} counts s as started_at does"),
        ("timestamp", {"start": "aware", "zone": ""}, "set timestamps_in to the zone"),
        ("date", {}, "ended is of type date, which cannot hold {end}"),
        ("text", {}, "for example 'ended ' || {end}"),
        ("jsonb", {}, "ended is of type jsonb, which cannot hold {end}"),
    ],
)
async def test_a_column_that_cannot_take_the_end_is_a_sentence(
    database: EmbeddedDatabase, tmp_path: Path, type_: str, more: dict[str, str], said: str
) -> None:
    start = more.pop("start", "naive")
    prepare(database, start, type_)
    with pytest.raises(SchemaMismatch) as raised:
        async with stopping(database, tmp_path, chat(start, **more)):
            pass
    assert str(raised.value).startswith("recovery.set.ended: ")
    assert said in str(raised.value)


@pytest.mark.quick("naive-floor", "seconds-{end}")
@pytest.mark.parametrize(
    ("start", "value", "is_written"),
    [
        ("naive", "floor(extract(epoch FROM {end}))", "1764160000"),
        ("aware", "floor(extract(epoch FROM {end}))", "1764160000"),
        ("naive", "extract(epoch FROM {end} - s.at + interval '7 s')", "7"),
        ("seconds", "{end} - s.at + 7", "7"),
    ],
)
async def test_in_an_expression_the_end_is_an_instant_or_what_the_start_counts(
    database: EmbeddedDatabase, tmp_path: Path, start: str, value: str, is_written: str
) -> None:
    prepare(database, start, "bigint")
    async with stopping(database, tmp_path, chat(start, value=value)) as it:
        found = await all_candidates(it.reader, it.rule, with_backlog=True)
        await close_found(it.writer, it.rule, found, with_backlog=True)
    assert rows(database, "SELECT ended FROM chat") == [(int(is_written),)]


#: How an end comes to be in the future: end_at, the column that is ended_at, and what is written.
AHEAD = {
    "end_at": ("coalesce(s.planned, s.seen)", "null", "{end}"),
    "written": ("s.seen", "ended", "coalesce(s.planned, {end})"),
}


@pytest.mark.quick("written")
@pytest.mark.parametrize("how", AHEAD)
async def test_an_end_in_the_future_is_refused_and_the_other_sessions_are_closed(
    database: EmbeddedDatabase, tmp_path: Path, how: str
) -> None:
    end_at, ended, value = AHEAD[how]
    prepare(database, "aware", "timestamptz")
    planned = ", ".join(f"(now() + interval '{each}')" for each in ("1 minute", "-1 minute"))
    run(database, f"INSERT INTO public.chat (planned) VALUES {planned}")
    text = chat("aware", ended, end_at, value=value)
    async with stopping(database, tmp_path, text) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=True, show=5, limits=NO_LIMITS)
        with pytest.raises(SourceError, match="nothing was closed: 1 session would get an end in"):
            require_past_ends(plan)
        found = await all_candidates(it.reader, it.rule, with_backlog=True)
        outcome = await close_found(it.writer, it.rule, found, with_backlog=True)
    assert (outcome.closed, outcome.refused) == (2, {"2": ENDS_AHEAD})
    assert rows(database, "SELECT id FROM chat WHERE is_open") == [(2,)]


@pytest.mark.slow
async def test_a_local_end_in_the_hour_that_the_clock_shows_twice_is_not_ahead(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "aware", "timestamp")
    run(database, "UPDATE public.chat SET at = '2025-10-25', seen = '2025-10-26 00:05Z'")
    set_clock(database, datetime(2025, 10, 26, 0, 40, tzinfo=UTC))
    text = chat("aware", "ended").replace("orphaned_after: 2h", "orphaned_after: 10m")
    async with stopping(database, tmp_path, text) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=True, show=5, limits=NO_LIMITS)
        found = await all_candidates(it.reader, it.rule)
        outcome = await close_found(it.writer, it.rule, found)
    assert (plan.future_ends, outcome.closed, outcome.refused) == ("", 1, {})
    assert rows(database, "SELECT ended::text FROM chat") == [("2025-10-26 02:05:00",)]


@pytest.mark.quick("by functions")
async def test_auto_sets_aside_what_would_end_in_the_future(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3)
    sessions(database, 4, 12, seen="5 minutes")
    end_at = "CASE s.id WHEN 2 THEN now() + interval '1 minute' ELSE s.seen END"
    async with recover(end_at=end_at) as runner:
        state = await runner.run(2)
    assert open_ones(database) & {1, 2, 3} == {2}
    assert state.failed["refused"] == 1


async def test_an_end_before_the_start_is_none_and_the_session_is_not_closed(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "seconds", "bigint")
    ended = "{column: ended, epoch: s}"
    async with stopping(database, tmp_path, chat("seconds", ended, "to_timestamp(0)")) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=True, show=5, limits=NO_LIMITS)
    assert (plan.count, plan.counts.endless) == (0, 1)


async def test_check_live_shows_what_a_number_means(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "seconds", "bigint")
    async with stopping(database, tmp_path, chat("seconds", "{column: ended, epoch: s}")) as it:
        source = it.source.model_copy(update={"orphaned_after": 1e9})  # no session is orphaned
    findings = [each async for each in check_recovery(settings_of(database.dsn), source)]
    (times,) = [each.message for each in findings if each.check == "recovery times"]
    assert times.endswith("would write ended = 1764160000 (2025-11-26 13:26:40+01)")
