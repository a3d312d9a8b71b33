"""Where each row has a threshold of its own, recovery by hand goes by it from plan to lock."""

from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.plan.plan import make_plan
from exporter.recovery.rule.limits import NO_LIMITS, Limits
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.collection import declarations
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.recovery.functions.installation import calling, install
from tests.support.recovery.planned_stops import CHAT, chat, prepare, run, still_open, stopping
from tests.support.servers.statements import rows

OWN = CHAT.replace(
    "orphaned_after: 2h",
    "orphaned_after:\n    sql: |\n      s.patience",
)
#: The threshold is one of the node's, in another table.
OF_NODE = CHAT.replace(
    "orphaned_after: 2h",
    "orphaned_after:\n    sql: |\n      "
    "(SELECT n.patience FROM public.node AS n WHERE n.name = s.node)",
)
COLUMN = "ALTER TABLE chat ADD patience interval"


def silent(name: str, hours: float, patience: str) -> str:
    """A chat that was seen so many hours ago."""
    seen = f"now() - {hours} * interval '1 hour'"
    return chat(name, started=f"{seen} - interval '1 day'", seen=seen, patience=patience)


CHATS = (
    silent("short", 2, "'1 hour'"),
    silent("long", 30, "'1 day'"),
    silent("patient", 30, "'2 days'"),
    silent("for ever", 30, "NULL"),
    silent("at once", 30, "'0'"),
    silent("negative", 30, "'-1 hour'"),
    silent("absurd", 30, "'170000000 years'"),
)


async def test_exactly_those_are_closed_that_have_outlived_their_own(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, COLUMN, *CHATS)
    async with stopping(any_database, tmp_path, OWN) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=False, show=9, limits=NO_LIMITS)
        found = await all_candidates(it.reader, it.rule)
        outcome = await close_found(it.writer, it.rule, found)
    assert (plan.count, plan.counts.orphaned, plan.counts.unknown, plan.counts.quiet) == (
        2,
        2,
        4,
        1,
    )
    assert {each.session for each in outcome.recovered} == {"short", "long"}
    assert still_open(any_database) == {"patient", "for ever", "at once", "negative", "absurd"}


async def test_the_audit_has_the_threshold_of_each_and_the_expression(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, COLUMN, *CHATS)
    async with stopping(any_database, tmp_path, OWN) as it:
        await close_found(it.writer, it.rule, await all_candidates(it.reader, it.rule))
    audited = rows(
        any_database,
        "SELECT a.session[1], (a.evidence ->> 'orphaned_after_seconds')::float8,"
        " r.rule ->> 'orphaned_after', r.rule ->> 'orphaned_after_seconds'"
        " FROM session_exporter.recovery AS a JOIN session_exporter.run AS r USING (run)"
        " ORDER BY 1",
    )
    assert audited == [("long", 86400, "s.patience", None), ("short", 3600, "s.patience", None)]


async def test_the_threshold_is_evaluated_again_under_the_lock(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Also where the row itself is as it was found, because the threshold is somewhere else."""
    prepare(
        any_database,
        "CREATE TABLE public.node (name text PRIMARY KEY, patience interval)",
        "INSERT INTO public.node VALUES ('a', '1 hour'), ('b', '1 hour')",
        *(
            chat(f"of {node}", node=f"'{node}'", started="now() - interval '2 hours'")
            for node in "ab"
        ),
    )
    async with stopping(any_database, tmp_path, OF_NODE) as it:
        found = await all_candidates(it.reader, it.rule)
        run(any_database, "UPDATE public.node SET patience = '1 day' WHERE name = 'b'")
        outcome = await close_found(it.writer, it.rule, found)
    assert {each.session for each in found} == {"of a", "of b"}
    assert {each.session for each in outcome.recovered} == {"of a"}
    assert still_open(any_database) == {"of b"}


@pytest.mark.parametrize(
    ("hours", "brakes"),
    [(10.1, ["share"]), (14.9, ["share"]), (15.1, [])],
)
async def test_a_wave_is_what_became_orphaned_within_half_of_its_own(
    any_database: EmbeddedDatabase, tmp_path: Path, hours: float, brakes: list[str]
) -> None:
    """Those with another threshold, and silent for as long, are a part of it only by their own."""
    prepare(
        any_database,
        COLUMN,
        *(silent(f"long {n}", hours, "'10 hours'") for n in range(5)),
        *(silent(f"short {n}", 1, "'30 minutes'") for n in range(5)),
        *(
            chat(f"live {n}", started="now() - interval '1 day'", seen="now()", patience="'1 hour'")
            for n in range(20)
        ),
    )
    async with stopping(any_database, tmp_path, OWN) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=False, show=0, limits=NO_LIMITS)
    assert plan.count == 10
    assert [brake.partition(":")[0] for brake in plan.brakes] == brakes
    assert plan.observation.wave == (5 if brakes else 0)


async def test_sessions_quiet_for_half_of_their_own_threshold_show_no_life(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        COLUMN,
        *(silent(f"orphan {n}", 30, "'1 day'") for n in range(3)),
        silent("quiet", 0.6, "'1 hour'"),
    )
    async with stopping(any_database, tmp_path, OWN) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=False, show=0, limits=NO_LIMITS)
        run(any_database, "UPDATE chat SET patience = '2 hours' WHERE id = 'quiet'")
        later = await make_plan(it.reader, it.source, with_backlog=False, show=0, limits=NO_LIMITS)
    assert (plan.counts.quiet, plan.observation.beating) == (1, 0)
    assert any(brake.startswith("silent:") for brake in plan.brakes)
    assert (later.counts.live, later.observation.beating) == (1, 1)
    assert not later.brakes


async def test_older_than_narrows_what_is_closed_whatever_the_thresholds_are(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, COLUMN, *CHATS)
    limits = Limits((), 3600.0 * 24, None)
    async with stopping(any_database, tmp_path, OWN) as it:
        plan = await make_plan(it.reader, it.source, with_backlog=False, show=9, limits=limits)
    assert [each.session for each in plan.previews] == ["long"]


async def test_the_printed_function_for_people_goes_by_the_thresholds_of_the_rows(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, COLUMN, *CHATS)
    path = tmp_path / "config.yaml"
    path.write_text(declarations.one_database(OWN))
    config = load_config(path, {"DATABASE_URL": any_database.dsn})
    await install(any_database, config, calling(config.sources["chat"]))
    (arguments,) = rows(
        any_database,
        "SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE proname = 'recover_stuck_chat'",
    )
    assert arguments == ("p_threshold_minutes integer DEFAULT 0",)
    closing = "SELECT session_id FROM public.recover_stuck_chat({})"
    assert rows(any_database, closing.format(1440), RECOVERY_ROLE) == [("long",)]
    assert rows(any_database, closing.format(""), RECOVERY_ROLE) == [("short",)]
