"""`recover`, `undo` and `runs` as a person has them, and what each mistake gets: a sentence, before
anything is changed.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, create_database
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import EXPORTER
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import PROGRAM, environment, run, write_config
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby
from tests.support.servers.statements import execute, rows

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]

TABLE = """
    CREATE TYPE state AS ENUM ('open', 'closed');
    CREATE TABLE public.chat (
        id int PRIMARY KEY, state state NOT NULL DEFAULT 'open', started timestamptz,
        ended timestamptz, seconds int, note jsonb, old_note json
    );
    CREATE VIEW public.chats AS SELECT * FROM public.chat;
    INSERT INTO public.chat (id, started)
        SELECT n, now() - interval '3 hours' - n * interval '1 minute'
        FROM generate_series(1, 5) AS n;
    INSERT INTO public.chat (id, started) VALUES (6, now()), (7, now() - interval '8 days');
"""

SOURCE: dict[str, Any] = {
    "table": "public.chat",
    "active": "s.state = 'open'",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
}
RECOVERY: dict[str, Any] = {
    "set": {"state": "'closed'", "ended": "{end}"},
    "end_at": "s.started + interval '1 hour'",
    "pause": "1ms",
}


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def ready(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


@pytest.fixture
def command(ready: EmbeddedDatabase, tmp_path: Path) -> Command:
    """`command("recover", "chat", recovery={…}, role=…)` with a config of its own."""

    def command(
        *arguments: str,
        recovery: dict[str, Any] | None = None,
        dsn: str | None = None,
        **source: Any,
    ) -> Done:
        declared = {**SOURCE, **source, "recovery": {**RECOVERY, **(recovery or {})}}
        app = {"dsn": dsn or ready.dsn}
        config = write_config(tmp_path, {"app": app}, {"chat": declared})
        return run(*arguments, "-c", config, folder=tmp_path)

    return command


def contents(database: EmbeddedDatabase) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute("SELECT xmin::text, * FROM public.chat ORDER BY id").fetchall()


def open_ones(database: EmbeddedDatabase) -> set[int]:
    with database.connect() as connection:
        found = connection.execute("SELECT id FROM public.chat WHERE state = 'open'").fetchall()
    return {id_ for (id_,) in found}


def the_run(done: Done) -> str:
    match = re.search(r"session-exporter undo (\S+)", done.stdout)
    assert match is not None, done.stdout + done.stderr
    return match[1]


def test_without_yes_it_shows_the_plan_and_does_nothing(
    ready: EmbeddedDatabase, command: Command
) -> None:
    before = contents(ready)
    done = command("recover", "chat")
    assert done.returncode == 0
    assert "7 active sessions, 6 of them orphaned (not seen for more than 2h)" in done.stdout
    assert "1 is left alone: backlog, not seen for more than 7d; see --backlog" in done.stdout
    assert "5 would be closed" in done.stdout
    assert "Nothing was changed; --yes closes them." in done.stdout
    assert contents(ready) == before


def test_an_expression_that_fails_for_one_session_is_named(
    ready: EmbeddedDatabase, command: Command
) -> None:
    for key, text in (("end_at", "now() + interval '1 s' / (s.id - 3)"), ("exempt", "1/(id-3)>2")):
        done = command("recover", "chat", "--yes", recovery={key: text})
        assert done.returncode == 1
        assert f"recovery.{key}, which fails for a session that is orphaned: " in done.stderr
    assert len(open_ones(ready)) == 7


def test_a_new_value_that_fails_for_one_session_sets_that_one_aside_and_is_named(
    ready: EmbeddedDatabase, command: Command
) -> None:
    values = {"state": "'closed'", "seconds": "1 / (s.id - 3)"}
    done = command("recover", "chat", "--yes", recovery={"set": values})
    assert "cannot be shown: recovery.set.seconds, which fails for a session" in done.stdout
    assert "  session 3 was set aside: " in done.stdout
    assert open_ones(ready) == {3, 6, 7}


def test_the_plan_warns_of_ends_that_are_still_to_come(
    ready: EmbeddedDatabase, command: Command
) -> None:
    recovery = {"end_at": "s.started + interval '7 hours'"}
    warning = "5 sessions would get an end in the future"
    assert warning in command("recover", "chat", recovery=recovery).stdout
    assert warning in command("recover", "chat", "--backlog", recovery=recovery).stdout
    assert "warning" not in command("recover", "chat").stdout
    done = command("recover", "chat", "--yes", recovery=recovery)
    assert (done.returncode, len(open_ones(ready))) == (1, 7)
    assert f"nothing was closed: {warning}, which is refused; write end_at as" in done.stderr


def test_yes_closes_what_the_plan_says_and_backlog_the_rest(
    ready: EmbeddedDatabase, command: Command
) -> None:
    done = command("recover", "chat", "--yes", "--batch", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 were closed" in done.stdout
    assert open_ones(ready) == {6, 7}
    assert "1 was closed" in command("recover", "chat", "--yes", "--backlog").stdout
    assert open_ones(ready) == {6}
    assert "0 would be closed" in command("recover", "chat", "--yes", "--backlog").stdout


@pytest.mark.slow  # it waits for a slow run
def test_on_a_terminal_progress_is_one_line_that_is_written_over(
    ready: EmbeddedDatabase, tmp_path: Path
) -> None:
    declared = {**SOURCE, "recovery": RECOVERY}
    config = write_config(tmp_path, {"app": {"dsn": ready.dsn}}, {"chat": declared})
    execute(  # else it is done within a second, before anything is shown
        ready,
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END $$",
        "CREATE TRIGGER slow BEFORE UPDATE ON public.chat"
        " FOR EACH ROW EXECUTE FUNCTION public.slow()",
    )
    ours, terminal = os.openpty()
    os.set_blocking(ours, False)  # where nothing is shown, it is not waited for
    try:
        done = subprocess.run(
            [PROGRAM, "recover", "chat", "--yes", "--batch", "2", "-c", config],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal,
            check=False,
            timeout=60,
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(terminal)
        os.close(ours)
    assert done.returncode == 0
    lines = [line for line in shown.split("\r\x1b[K") if line]
    assert [line.rpartition("] ")[2] for line in lines] == [
        "2 of 5 sessions",
        "4 of 5 sessions",
        "5 of 5 sessions",
    ]
    assert [line.count("#") for line in lines] == [12, 24, 30]
    assert shown.endswith("\r\x1b[K")


def test_a_run_is_listed_and_taken_back_after_a_plan_of_its_own(
    ready: EmbeddedDatabase, command: Command
) -> None:
    run_ = the_run(command("recover", "chat", "--yes"))
    execute(ready, "UPDATE public.chat SET ended = now() WHERE id = 1")  # a genuine end, later
    execute(ready, "DELETE FROM public.chat WHERE id = 2")
    closed = contents(ready)

    plan = command("undo", run_)
    assert "1 is left alone: what was written was changed since" in plan.stdout
    assert "1 is gone" in plan.stdout
    assert "3 are unchanged since" in plan.stdout
    assert contents(ready) == closed

    assert "3 were undone" in command("undo", run_, "--yes").stdout
    assert open_ones(ready) == {3, 4, 5, 6, 7}
    (line,) = (each for each in command("runs").stdout.splitlines() if run_ in each)
    assert line.split()[-2:] == ["5", "3"]


def test_an_undo_is_not_slowed_down_as_automatic_recovery_is(
    ready: EmbeddedDatabase, command: Command
) -> None:
    """It begins with the batch of the config, and does not pause between two."""
    run_ = the_run(command("recover", "chat", "--yes"))
    done = command("undo", run_, "--yes", recovery={"batch": 1, "pause": "1h"})
    assert "5 were undone" in done.stdout


def test_an_undo_says_that_recovery_leaves_the_sessions_alone(command: Command) -> None:
    run_ = the_run(command("recover", "chat", "--yes"))
    stay_open = "recovery leaves undone sessions alone until they show life, except by recover --"
    plan = command("undo", run_)
    assert (stay_open in plan.stdout, "pause" in plan.stdout) == (True, False)
    assert plan.stdout.endswith("Nothing was changed; --yes undoes it.\n")
    assert stay_open in command("undo", run_, "--yes").stdout


def test_an_undo_of_what_is_undone_offers_nothing(command: Command) -> None:
    run_ = the_run(command("recover", "chat", "--yes"))
    command("undo", run_, "--yes")
    assert command("undo", run_).stdout.endswith(
        ": 5 sessions\n  5 were undone before\n  0 are unchanged since and would be restored\n"
    )


def test_what_was_done_is_told_when_it_ends_in_the_middle(
    ready: EmbeddedDatabase, command: Command
) -> None:
    execute(
        ready,
        "CREATE FUNCTION public.ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
        " RETURN NEW; END $$",
        "CREATE TRIGGER ends BEFORE UPDATE ON public.chat"
        " FOR EACH ROW EXECUTE FUNCTION public.ends()",
    )
    done = command("recover", "chat", "--yes", "--batch", "1")
    assert done.returncode == 1
    assert "4 were closed" in done.stdout
    assert "4 were undone" in command("undo", the_run(done), "--yes").stdout


def test_rows_that_share_an_id_are_closed_in_one_run_and_undone_each_by_its_own_values(
    ready: EmbeddedDatabase, command: Command
) -> None:
    """A unique index of a partitioned table holds the partition key too."""
    execute(
        ready,
        "CREATE TABLE public.twins (id int, state state DEFAULT 'open', started timestamptz,"
        " ended timestamptz, PRIMARY KEY (id, started)) PARTITION BY RANGE (started)",
        "CREATE TABLE public.all_twins PARTITION OF public.twins DEFAULT",
        "INSERT INTO public.twins (id, started) SELECT 1, now() - n * interval '1 hour'"
        " FROM generate_series(0, 5) AS n WHERE n <> 1",  # one is live
        "CREATE TABLE public.before AS TABLE public.twins",
    )
    done = command("recover", "chat", "--yes", "--despite-brake", table="public.twins")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  4 were closed\n" in done.stdout
    still_open = "SELECT now() - started < interval '1 h' FROM public.twins WHERE state = 'open'"
    assert rows(ready, still_open) == [(True,)]
    run_ = the_run(done)
    plan = command("undo", run_, table="public.twins").stdout
    assert ": 4 sessions\n  4 are unchanged since and would be restored\n" in plan
    assert "4 were undone" in command("undo", run_, "--yes", table="public.twins").stdout
    assert rows(ready, "TABLE public.twins EXCEPT TABLE public.before") == []
    plan = command("undo", run_, table="public.twins").stdout
    assert ": 4 sessions\n  4 were undone before\n" in plan


def test_rows_of_child_tables_that_share_an_id_are_undone_each_by_its_own_values(
    ready: EmbeddedDatabase, command: Command
) -> None:
    """No unique index is on all of them, and what was written to both is the same."""
    execute(
        ready,
        "CREATE TABLE public.twins (id int PRIMARY KEY, state state DEFAULT 'open',"
        " started timestamptz, ended timestamptz)",
        "CREATE TABLE public.child () INHERITS (public.twins)",
        "INSERT INTO public.twins (id, started) VALUES (1, now() - interval '3 hours')",
        # An end before the start is none, and is overwritten.
        "INSERT INTO public.child SELECT id, state, started, started - interval '1 day'"
        " FROM public.twins",
        "CREATE TABLE public.before AS TABLE public.twins",
    )
    done = command("recover", "chat", "--yes", "--despite-brake", table="public.twins")
    assert "  2 were closed\n" in done.stdout
    written = "SELECT count(DISTINCT (state, ended)) FROM public.twins WHERE ended > started"
    assert rows(ready, written) == [(1,)]
    undone = command("undo", the_run(done), "--yes", table="public.twins")
    assert "2 were undone" in undone.stdout
    assert "skipped" not in undone.stdout
    for difference in ("twins EXCEPT TABLE public.before", "before EXCEPT TABLE public.twins"):
        assert rows(ready, f"TABLE public.{difference}") == []


def test_an_unknown_run_is_said_to_be_none(command: Command) -> None:
    done = command("undo", "00000000-0000-0000-0000-000000000000")
    assert done.returncode == 2
    assert "no run 00000000-0000-0000-0000-000000000000 in any database" in done.stderr


def test_a_brake_needs_a_word_to_pass(ready: EmbeddedDatabase, command: Command) -> None:
    # A person is asked about a wave only while it is younger than half of orphaned_after.
    assert "brake" not in command("recover", "chat", recovery={"max_count": 3}).stdout
    execute(ready, "UPDATE chat SET started = started + interval '30 minutes' WHERE id < 6")
    braked = {"max_count": 3}
    done = command("recover", "chat", "--yes", recovery=braked)
    assert done.returncode == 1
    assert (
        "brake count: 5 sessions became orphaned together, more than max_count (3)" in done.stdout
    )
    assert "add --despite-brake" in done.stderr
    plan = command("recover", "chat", recovery=braked).stdout
    assert plan.endswith("Nothing was changed; --yes --despite-brake closes them.\n")
    assert len(open_ones(ready)) == 7
    done = command("recover", "chat", "--yes", "--despite-brake", recovery=braked)
    assert done.returncode == 0
    assert open_ones(ready) == {6, 7}


def test_a_session_that_a_trigger_protects_is_set_aside_and_said(
    ready: EmbeddedDatabase, command: Command
) -> None:
    execute(
        ready,
        """
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF OLD.id = 3 THEN RAISE EXCEPTION 'the third is kept'; END IF;
                RETURN NEW;
            END $$;
        CREATE TRIGGER keep BEFORE UPDATE ON chat FOR EACH ROW EXECUTE FUNCTION keep();
        """,
    )
    done = command("recover", "chat", "--yes")
    assert done.returncode == 1
    assert "4 were closed" in done.stdout
    assert re.search(r"  session 3 was set aside: .", done.stdout)
    assert open_ones(ready) == {3, 6, 7}


#: What is wrong in the config: every command says it, with its line.
CONFIG_MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no end_at": ({"end_at": None}, "end_at inside recovery, where there is no last_seen_at"),
    "nothing to set": ({"mode": "auto", "set": {}}, "set inside recovery"),
    "auto by age alone": ({"mode": "auto"}, "trust_age: true inside recovery"),
    "a column that is set and marked": (
        {"mark": {"column": "ended", "merge": {"lost": True}}},
        "mark and set to name different columns",
    ),
    "an unknown key": ({"max_cuont": 3}, "max_cuont"),
}


@pytest.mark.quick("no end_at", "set and marked")
@pytest.mark.parametrize(("recovery", "sentence"), CONFIG_MISTAKES.values(), ids=CONFIG_MISTAKES)
def test_a_mistake_in_the_config_is_named_with_its_line(
    ready: EmbeddedDatabase, command: Command, recovery: dict[str, Any], sentence: str
) -> None:
    before = contents(ready)
    done = command("recover", "chat", "--yes", recovery=recovery)
    assert done.returncode == 1
    assert re.search(rf"config-\d+\.yaml:\d+: sources\.chat.*{re.escape(sentence)}", done.stderr)
    assert contents(ready) == before


def setting(**columns: object) -> dict[str, Any]:
    """The keys of a source whose recovery also sets these."""
    return {"recovery": {"set": {**RECOVERY["set"], **columns}}}


#: What only the database can tell: said by the plan, with --yes and without.
LIVE_MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown column": (
        "",
        setting(endet="{end}"),
        "public.chat has no column endet; did you mean ended?",
    ),
    "an expression that fails": (
        "",
        setting(seconds="nothing(s.id)"),
        "recovery.set.seconds: function nothing(integer) does not exist",
    ),
    "a type that does not fit": (
        "",
        setting(seconds="now()"),
        'recovery.set.seconds: column "seconds" is of type integer but expression is of type',
    ),
    "a value that the enum does not know": (
        "",
        setting(state="'gone'"),
        "is it one of its values?",
    ),
    "json instead of jsonb": (
        "",
        {"recovery": {"mark": {"column": "old_note", "merge": {"lost": True}}}},
        "recovery.mark.column: expected a column of type jsonb, got json (old_note)",
    ),
    "a view": (
        "",
        {"table": "public.chats"},
        '"public"."chats" is a view; only tables can be recovered',
    ),
    "an id that is not unique": (
        "",
        {"id": "seconds"},
        'a column with a unique index is needed, and "seconds" has none of its own; create one',
    ),
    "an id that is an expression": (
        "",
        {"id": "s.id + 0"},
        "id: to find a session again, a column is needed, not an expression; name one",
    ),
    "no audit table": (
        "DROP SCHEMA session_exporter CASCADE",
        {},
        "`session-exporter sql audit` prints the commands that create it",
    ),
}


@pytest.mark.quick("an unknown column", "enum", "a view", "no audit table")
@pytest.mark.parametrize(
    ("statement", "changes", "sentence"), LIVE_MISTAKES.values(), ids=LIVE_MISTAKES
)
def test_what_cannot_work_is_a_sentence_before_anything_is_changed(
    ready: EmbeddedDatabase,
    command: Command,
    statement: str,
    changes: dict[str, Any],
    sentence: str,
) -> None:
    execute(ready, statement)
    before = contents(ready)
    for arguments in (["recover", "chat"], ["recover", "chat", "--yes"]):
        done = command(*arguments, **changes)
        assert done.returncode == 1
        assert sentence in done.stderr
    assert contents(ready) == before


def test_a_missing_right_is_a_sentence_and_the_grants_that_are_printed_are_enough(
    ready: EmbeddedDatabase, command: Command
) -> None:
    execute(ready, f"GRANT SELECT ON public.chat TO {EXPORTER}")
    dsn = ready.dsn_for(EXPORTER)
    before = contents(ready)
    done = command("recover", "chat", "--yes", dsn=dsn)
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    operator = "session_exporter_operator"
    assert (
        f"has no right on the audit of recovery: connect as a member of {operator}" in done.stderr
    )
    assert f'GRANT {operator} TO "{EXPORTER}"' in done.stderr
    assert contents(ready) == before
    execute(ready, f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}")
    wrong = command("recover", "chat", dsn=dsn).stderr
    assert f"role {EXPORTER} lacks rights; connect as the role for recovery, or ask a DBA" in wrong
    listed = command("runs", dsn=dsn)
    assert (listed.returncode, listed.stdout) == (1, "")  # no list without a run

    live = command("check", "--live", "--all", dsn=dsn).stdout
    grants = re.findall(r"^ +(GRANT .*;)$", live, re.MULTILINE)
    assert f'GRANT UPDATE ("state", "ended") ON "public"."chat" TO "{EXPORTER}";' in grants
    execute(ready, *grants)
    run_ = the_run(command("recover", "chat", "--yes", dsn=dsn))
    assert open_ones(ready) == {6, 7}
    assert "5 were undone" in command("undo", run_, "--yes", dsn=dsn).stdout


def test_a_missing_right_on_many_columns_is_still_a_sentence(
    database: EmbeddedDatabase, command: Command
) -> None:
    names = [f"{'x' * 50}_{number}" for number in range(100)]
    added = ", ".join(f"ADD {name} int" for name in names)
    execute(
        database,
        f"ALTER TABLE public.chat {added}",
        f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}",
        f"GRANT SELECT (id) ON public.chat TO {EXPORTER}",
    )
    wide = {"set": dict.fromkeys(names, "0")}
    done = command("recover", "chat", dsn=database.dsn_for(EXPORTER), recovery=wide)
    assert done.returncode == 1
    assert "ask a DBA to run: what `session-exporter check --live --all` prints" in done.stderr
    assert len(done.stderr) < 1000


@pytest.fixture
def replicated(fast_folder: Path | None) -> Iterator[tuple[EmbeddedDatabase, EmbeddedDatabase]]:
    """The same database on a primary and on its standby."""
    binaries = wheel_binaries(18)
    with QuickServer(binaries, settings=PRIMARY_SETTINGS, parent=fast_folder) as primary:
        database = create_database(primary, "watched")
        execute(database, TABLE, audit_script())
        with Standby(primary, parent=fast_folder) as standby:
            standby.wait_until_it_follows()
            yield database, EmbeddedDatabase(standby, "watched")


def test_on_a_standby_it_says_where_sessions_are_recovered(
    replicated: tuple[EmbeddedDatabase, EmbeddedDatabase], command: Command
) -> None:
    primary, standby = replicated
    before = contents(primary)
    done = command("recover", "chat", "--yes", dsn=standby.dsn)
    assert done.returncode == 1
    assert "sessions are recovered on the primary" in done.stderr
    assert "target_session_attrs" in done.stderr
    assert contents(primary) == before
    live = command("check", "--live", dsn=standby.dsn).stdout
    assert "sessions are recovered on the primary" in live
    mended = command("recover", "chat", "--yes", dsn=standby.dsn, recovery={"dsn": primary.dsn})
    assert mended.returncode == 0
    assert open_ones(primary) == {6, 7}


def test_resume_shows_what_is_held_and_changes_nothing_without_yes(
    ready: EmbeddedDatabase, command: Command
) -> None:
    why = "5 of 6 sessions became orphaned together"
    execute(
        ready,
        "INSERT INTO session_exporter.stop (source, at, brake, why)"
        f" VALUES ('chat', now(), 'share', '{why}')",
    )

    def resumed() -> list[tuple[object, ...]]:
        query = "SELECT resumed_at IS NOT NULL, reason FROM session_exporter.stop"
        return rows(ready, query)

    shown = command("resume", "chat")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert why in shown.stdout
    assert "\nNothing was changed; to resume what is shown, and nothing" in shown.stdout
    assert resumed() == [(False, None)]
    done = command("resume", "chat", "--yes", "--reason", "a server died")
    assert (done.returncode, done.stderr) == (0, "")
    first, cause, obstacle = done.stdout.splitlines()
    assert cause.startswith("  it was stopped since ")
    assert cause.endswith(f", because {why}")
    assert first == "chat (app) is resumed: 5 sessions were held"
    assert "mode disabled: nothing is closed automatically" in obstacle
    assert resumed() == [(True, "a server died")]
    again = command("resume", "chat", "--yes", "--reason", "another one")
    assert (resumed(), len(open_ones(ready))) == ([(True, "a server died")], 7)
    assert re.fullmatch(
        r"chat \(app\) was not paused, and nothing is held; it was resumed before, at \S+ \S+Z by "
        r"postgres: a server died\n.*mode disabled.*\n",
        again.stdout,
    )


def test_runs_says_where_nothing_is_written_down(command: Command, ready: EmbeddedDatabase) -> None:
    said = "app has no audit of recovery: `session-exporter sql audit` prints it"
    assert said not in command("runs").stdout
    execute(ready, "DROP SCHEMA session_exporter CASCADE")
    done = command("runs")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == said
    assert command("runs", "--format", "json").stdout.strip() == "[]"
