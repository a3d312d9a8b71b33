"""Attacks of a role with the printed rights: what it writes to the audit gives it no other right.

It closes chats by statements, and may only call the functions that close what is in the vault.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems.schemas import EXPORTER
from exporter.sessions.grants import OPERATOR_ROLE, RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

TABLES = """
CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, at timestamptz, secret text);
CREATE TABLE public.vault (id int PRIMARY KEY, is_open bool, at timestamptz, secret text);
INSERT INTO public.chat SELECT n, false, now() - interval '2 hours', 'ours'
    FROM generate_series(1, 2) AS n;
INSERT INTO public.vault SELECT * FROM public.chat
"""
RUN = "5f0c6c1e-0f4e-4c62-9d1c-3b9f5f6e2a10"
#: A row as if a run had closed session 1, and what was there before were something else.
FORGED = f"""
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, evidence, before, after, row_version)
SELECT '{RUN}', '{{table}}', '"public"."{{table}}"', '{{{{1}}}}', '{{trigger}}',
    '{{{{}}}}', '{{before}}', '{{after}}', xmin::text
FROM (SELECT '1' AS xmin) AS s
RETURNING number
"""
#: Of the audit's own rights, what no config can ask for: the last week is kept.
PRUNE = "SELECT session_exporter.prune('chat', '-1 day', '{}')"
OPEN = ('{"is_open": "t"}', '{"is_open": "f"}')
SECRET = ('{"is_open": "t", "secret": "forged"}', '{"is_open": "f", "secret": "ours"}')

Command = Callable[..., str]


def source(table: str, **recovery: object) -> dict[str, object]:
    return {
        "table": f"public.{table}",
        "active": "is_open",
        "started_at": "at",
        "last_seen_at": "at",
        "id": "id",
        "orphaned_after": "1h",
        "recovery": {"set": {"is_open": False}, **recovery},
    }


@pytest.fixture
def command(any_database: EmbeddedDatabase, tmp_path: Path) -> Command:
    """A command as the database's superuser, or as another role."""
    execute(any_database, TABLES)
    for role in (EXPORTER, RECOVERY_ROLE):
        require_role(any_database.server, role)
    vault = source("vault", call="session_exporter.recover_vault", per_hour=1)
    sources = {"chat": source("chat", mode="auto"), "vault": vault}

    def command(*arguments: str, dsn: str = "postgres") -> str:
        app = {"dsn": any_database.dsn_for(dsn)}
        config = write_config(tmp_path, {"app": app}, sources)
        done = run(*arguments, "-c", config, folder=tmp_path)
        return done.stdout + done.stderr

    grant(any_database, command)
    execute(any_database, command("sql", "function", "vault"))
    return command


def grant(database: EmbeddedDatabase, command: Command) -> None:
    """What sql role prints, for roles that are there."""
    printed = command("sql", "role")
    execute(database, printed)


def forge(
    database: EmbeddedDatabase, table: str, values: tuple[str, str], trigger: str = "manual"
) -> int:
    """Insert an audit row with the rights that were printed."""
    before, after = values
    statement = FORGED.format(table=table, before=before, after=after, trigger=trigger)
    ((number,),) = rows(database, statement, role=RECOVERY_ROLE)
    return int(number)


def test_a_forged_row_of_a_function_s_source_is_not_undone(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    number = forge(any_database, "vault", OPEN)
    undo = f"SELECT session_exporter.undo_vault(ARRAY[{number}]::bigint[])"
    assert rows(any_database, undo, role=RECOVERY_ROLE) == []
    printed = command("undo", RUN, "--yes")
    assert "1 is left alone: audited by a role that may not" in printed, printed
    assert rows(any_database, "SELECT FROM public.vault WHERE is_open") == []


def test_a_forged_value_of_another_column_is_not_written(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    """Not even by a role with more rights, which undoes the run."""
    forge(any_database, "chat", SECRET)
    printed = command("undo", RUN, "--yes")
    assert "1 is left alone: audited by a role that may not" in printed, printed
    assert rows(any_database, "SELECT FROM public.chat WHERE is_open OR secret <> 'ours'") == []


@pytest.mark.slow
def test_a_forged_row_of_a_session_that_a_policy_protects_is_not_undone(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(
        any_database,
        "ALTER TABLE public.chat ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY others ON public.chat USING (id > 1)",
    )
    forge(any_database, "chat", OPEN)
    printed = command("undo", RUN, "--yes")
    assert "1 is left alone: audited by a role that may not" in printed, printed
    assert rows(any_database, "SELECT FROM public.chat WHERE is_open") == []


@pytest.mark.slow
def test_what_the_role_may_write_itself_is_undone_whoever_undoes_it(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    forge(any_database, "chat", OPEN)
    assert "  1 was undone" in command("undo", RUN, "--yes")


@pytest.mark.slow
@pytest.mark.usefixtures("command")
@pytest.mark.quick("written")
@pytest.mark.parametrize(
    "values", [OPEN, ("{}", "{}")], ids=["of a column", "that says nothing written"]
)
def test_forged_rows_do_not_use_up_the_budget(
    any_database: EmbeddedDatabase, values: tuple[str, str]
) -> None:
    forge(any_database, "vault", values, trigger="auto")
    execute(any_database, "UPDATE public.vault SET is_open = true")
    versions = rows(any_database, "SELECT id, xmin::text FROM public.vault ORDER BY id")
    closed = []
    for id_, version in versions:
        given = f"'{{{id_}}}', '{{{version}}}', gen_random_uuid(), 'auto', false"
        call = f"SELECT session_exporter_session FROM session_exporter.recover_vault({given})"
        closed += rows(any_database, call, role=RECOVERY_ROLE)
    assert closed == [("1",)]  # the second is over the budget


@pytest.mark.slow  # it has three servers
def test_a_forged_recovery_by_hand_ends_no_stop(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(
        any_database,
        "INSERT INTO session_exporter.stop (source, at, brake, why)"
        " VALUES ('vault', now() - interval '2 minutes', 'returned', 'x')",
    )
    forge(any_database, "vault", ("{}", "{}"))
    assert "(returned), because x" in command("resume", "vault")


@pytest.mark.slow  # the fast tier has this of a stop, in test_resume_rights.py
@pytest.mark.usefixtures("command")
def test_what_undo_trusts_cannot_be_written_nor_a_stop_lifted(
    any_database: EmbeddedDatabase,
) -> None:
    forge(any_database, "chat", OPEN)
    for statement in (
        f"INSERT INTO session_exporter.recovery (run, writer) VALUES ('{RUN}', 'postgres')",
        "UPDATE session_exporter.recovery SET writer = 'postgres'",
        """UPDATE session_exporter.recovery SET before = '{"is_open": "t"}'""",
        "UPDATE session_exporter.recovery SET after = before",
        "UPDATE session_exporter.recovery SET source = 'vault'",
        "DELETE FROM session_exporter.recovery",
        f"INSERT INTO session_exporter.run (run, source, rule, role) VALUES ('{RUN}','','{{}}','')",
        "UPDATE session_exporter.run SET rule = '{}'",
        "DELETE FROM session_exporter.run",
        "UPDATE session_exporter.stop SET resumed_at = now()",
        "UPDATE session_exporter.stop SET at = now()",
        "DELETE FROM session_exporter.stop",
        "INSERT INTO session_exporter.stop (source, brake, why, resumed_at) SELECT 'a','','',now()",
        "DELETE FROM session_exporter.pause",
        f"SET ROLE {OPERATOR_ROLE}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(any_database, statement, role=RECOVERY_ROLE)
        assert rows(any_database, PRUNE, role=RECOVERY_ROLE) == []


@pytest.mark.slow  # the fast tier has that check --live names them, in test_rights.py
def test_check_live_names_what_a_role_may_write_beyond_its_rights(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    """Such as all that an older release has printed."""
    assert "may write more" not in command("check", "--live", dsn=RECOVERY_ROLE)
    execute(any_database, f"GRANT INSERT, DELETE ON session_exporter.recovery TO {RECOVERY_ROLE}")
    checked = command("check", "--live", dsn=RECOVERY_ROLE)
    assert f"{RECOVERY_ROLE} may write more to session_exporter.recovery than it needs" in checked
    assert "DELETE, INSERT (number, at," in checked
    grant(any_database, command)
    assert "may write more" not in command("check", "--live", dsn=RECOVERY_ROLE)
