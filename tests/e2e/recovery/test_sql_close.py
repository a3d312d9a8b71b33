"""What `sql close` prints closes in psql, as the role for recovery, what recover closes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.recovery.audit.installation import audit_script
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import psql, run_script
from tests.support.servers.statements import execute, rows

TABLE = r"""
CREATE TABLE public.chat (
    id text PRIMARY KEY, is_open bool DEFAULT true, began timestamptz, ended timestamptz,
    secret text
);
INSERT INTO public.chat (id, began)
SELECT E'chat \\ "o''clock", ' || n, now() - n * interval '30 minutes'
FROM generate_series(1, 6) AS n;
INSERT INTO public.chat (id, began) VALUES ('backlog', now() - interval '30 days');
"""
CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "began",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "1h",
}
RECOVERY: dict[str, Any] = {
    "set": {"is_open": False, "ended": "{end}"},
    "end_at": "s.began + interval '30 minutes'",
    "notify": "closed_chats",
}
FUNCTION = {"call": "session_exporter.recover_chat"}


class Chats:
    """Commands on the database, as the role for recovery where they change sessions."""

    def __init__(self, database: EmbeddedDatabase, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.recovery = RECOVERY

    def run(self, *command: str, role: str = RECOVERY_ROLE) -> str:
        app = {"dsn": self.database.dsn}
        recovery = {**self.recovery, "dsn": self.database.dsn_for(role)}
        config = write_config(self.folder, {"app": app}, {"chat": {**CHAT, "recovery": recovery}})
        done = run(*command, "-c", config, folder=self.folder)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def print_close(self, *ids: str, options: tuple[str, ...] = ()) -> str:
        named = [option for each in ids for option in ("--id", each)]
        return self.run("sql", "close", "chat", *named, *options)

    def open(self) -> set[str]:
        return {id_ for (id_,) in rows(self.database, "SELECT id FROM public.chat WHERE is_open")}

    def close(self, script: str) -> str:
        return run_script(self.database, script, role=RECOVERY_ROLE)


@pytest.fixture
def chats(any_database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    execute(any_database, audit_script(), TABLE)
    require_role(any_database.server, RECOVERY_ROLE)
    execute(any_database, f"DROP OWNED BY {RECOVERY_ROLE}")
    chats = Chats(any_database, tmp_path)
    run_script(any_database, chats.run("sql", "role"))
    yield chats
    execute(any_database, f"DROP OWNED BY {RECOVERY_ROLE}")


def name(number: int) -> str:
    return f'chat \\ "o\'clock", {number}'


def test_the_named_sessions_are_closed_and_audited_as_by_recover(chats: Chats) -> None:
    plan = json.loads(chats.run("recover", "chat", "--format", "json"))
    chosen = [name(3), name(4)]
    sessions = plan[0]["plan"]["sessions"]
    planned = {each["id"]: each["becomes"] for each in sessions if each["id"] in chosen}
    before = chats.open()
    shown = chats.close(chats.print_close(*chosen, options=("--reason", "it's late")))
    assert before - chats.open() == set(chosen)
    audited = rows(
        chats.database,
        "SELECT session[1], after ->> 'ended', trigger, reason FROM session_exporter.recovery",
    )
    assert {id_: ended for id_, ended, *_ in audited} == {
        id_: becomes["ended"] for id_, becomes in planned.items()
    }
    assert {(trigger, reason) for *_, trigger, reason in audited} == {("manual", "it's late")}
    (run_id,) = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", shown))
    chats.run("undo", run_id, "--yes")
    assert chats.open() == before


def test_as_it_is_printed_without_ids_it_closes_nothing(chats: Chats) -> None:
    before, script = chats.open(), chats.print_close()
    chats.close(script)
    assert chats.open() == before
    # And with an id in the place for it, that one.
    chats.close(script.replace("'{}', true) AS ids", "'{backlog}', true) AS ids"))
    assert chats.open() == before
    script = chats.print_close(options=("--backlog",))
    chats.close(script.replace("'{}', true) AS ids", "'{backlog}', true) AS ids"))
    assert before - chats.open() == {"backlog"}


def test_a_session_that_shows_life_or_was_undone_since_is_left_alone(chats: Chats) -> None:
    script = chats.print_close(name(3), name(4), name(5))
    execute(chats.database, f"UPDATE public.chat SET began = now() WHERE id = {quoted(name(3))}")
    chats.close(chats.print_close(name(4)))
    ((run_id,),) = rows(chats.database, "SELECT run::text FROM session_exporter.run")
    chats.run("undo", run_id, "--yes")
    before = chats.open()
    chats.close(script)
    assert before - chats.open() == {name(5)}
    chats.close(chats.print_close(name(4), options=("--undone",)))
    assert before - chats.open() == {name(4), name(5)}


def quoted(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def test_where_a_trigger_keeps_a_session_open_nothing_is_closed(chats: Chats) -> None:
    execute(
        chats.database,
        "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.is_open := true; RETURN NEW; END'",
        "CREATE TRIGGER keep BEFORE UPDATE ON public.chat FOR EACH ROW"
        f" WHEN (OLD.id = {quoted(name(4))}) EXECUTE FUNCTION public.keep()",
    )
    before = chats.open()
    done = psql(chats.database, chats.print_close(name(3), name(4)), role=RECOVERY_ROLE)
    assert done.returncode == 3
    assert "division by zero" in done.stderr
    assert chats.open() == before
    assert rows(chats.database, "SELECT FROM session_exporter.recovery") == []


def test_where_a_function_closes_sessions_it_is_called(chats: Chats) -> None:
    chats.recovery = {**RECOVERY, **FUNCTION}
    run_script(chats.database, chats.run("sql", "function", "chat"))
    run_script(chats.database, chats.run("sql", "role"))
    before = chats.open()
    script = chats.print_close(name(3), name(4))
    execute(chats.database, f"UPDATE public.chat SET secret = 'x' WHERE id = {quoted(name(4))}")
    chats.close(script)
    assert before - chats.open() == {name(3)}
    app = {"dsn": chats.database.dsn}
    source = {**CHAT, "recovery": chats.recovery}
    config = write_config(chats.folder, {"app": app}, {"chat": source})
    done = run("sql", "close", "chat", "-c", config, folder=chats.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "in which they are found; name them with --id" in done.stderr
