"""`sql function` of a source in several databases prints one script for psql."""

import re
from pathlib import Path
from typing import Any

import pytest

from exporter.cli.commands.printed_sql.role_script import connect
from exporter.demo.server.databases import EmbeddedDatabase, create_database, require_role
from exporter.recovery.audit.installation import audit_script
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import run_script
from tests.support.servers.statements import execute, rows

TABLE = "CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, began timestamptz)"
SOURCE: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "began",
    "id": "id",
    "orphaned_after": "1h",
    "recovery": {
        "call": "session_exporter.recover_chat",
        "set": {"is_open": False},
        "end_at": "now",
    },
}


def test_each_function_is_created_in_its_own_database(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    other = create_database(database.server, f"{database.name} two")
    databases = {"one": database, "two": other}
    require_role(database.server, RECOVERY_ROLE)
    for each in databases.values():
        execute(each, audit_script(), TABLE)
    execute(other, "ALTER TABLE public.chat ALTER id TYPE text")
    settings = {name: {"dsn": each.dsn} for name, each in databases.items()}
    config = write_config(tmp_path, settings, {"chat": {**SOURCE, "database": ["one", "two"]}})
    done = run("sql", "function", "chat", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    before, *parts = re.split(r'^\\connect "(.*)"$', done.stdout, flags=re.MULTILINE)
    assert before == "-- In database one:\n"
    assert parts[::2] == [each.name for each in databases.values()]
    for _ in range(2):
        for each, script in zip(databases.values(), parts[1::2], strict=True):
            execute(each, script)
    for each in databases.values():
        found = "SELECT FROM pg_proc WHERE proname = 'recover_chat'"
        assert len(rows(each, found)) == 1
    one = write_config(tmp_path, settings, {"chat": {**SOURCE, "database": "one"}})
    assert "\\connect" not in run("sql", "function", "chat", "-c", one, folder=tmp_path).stdout


@pytest.mark.parametrize("name", ["a=b 'c' \\ d", "postgres://here", 'say "so" $1 %s', "-x"])
def test_psql_connects_to_a_database_of_any_name(database: EmbeddedDatabase, name: str) -> None:
    create_database(database.server, name)
    asked = f"{connect(name)}\nSELECT current_database();\n"
    assert run_script(database, asked).splitlines()[2].strip() == name
