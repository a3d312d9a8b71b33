"""What a person gives as the reason is in the audit, and runs lists it."""

import json
import re
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

TABLE = """
CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, at timestamptz);
INSERT INTO public.chat SELECT n, true, now() - interval '2 hours' FROM generate_series(1, 2) AS n
"""
SOURCE = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "at",
    "last_seen_at": "at",
    "id": "id",
    "orphaned_after": "1h",
}


@pytest.mark.quick("by statements")
@pytest.mark.parametrize("by_functions", [False, True], ids=["by statements", "by functions"])
def test_reasons_of_closing_and_undoing_are_listed(
    any_database: EmbeddedDatabase, tmp_path: Path, *, by_functions: bool
) -> None:
    execute(any_database, TABLE)
    recovery = {"set": {"is_open": False}, "pause": "1ms"}

    def command(*arguments: str, exits: int = 0) -> str:
        declared = {"chat": {**SOURCE, "recovery": recovery}}
        config = write_config(tmp_path, {"app": {"dsn": any_database.dsn}}, declared)
        done = run(*arguments, "-c", config, folder=tmp_path)
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    if by_functions:
        require_role(any_database.server, RECOVERY_ROLE)
        execute(any_database, command("sql", "function", "chat"))
        recovery["call"] = "session_exporter.recover_chat"
    printed = command("recover", "chat", "--limit", "1", "--yes", "--reason", "it's a \\ \u2019")
    command("close", "chat", "--all", "--even-live", "--yes", "--reason", "deploy")
    run_id = re.search(r"run ([0-9a-f-]{36})", printed)
    assert run_id is not None
    command("undo", run_id[1], "--yes", "--reason", "by mistake")
    reasons = "SELECT reason, undo_reason FROM session_exporter.recovery ORDER BY number"
    assert rows(any_database, reasons) == [("it's a \\ \u2019", "by mistake"), ("deploy", None)]
    listed = command("runs")
    assert "it's a \\ \u2019; undone: by mistake\n" in listed
    assert "  deploy\n" in listed
    for act, reason in (("pause",), "we look at it"), (("resume", "--yes"), "it was nothing"):
        command(act[0], "chat", *act[1:], "--reason", reason)
    found = json.loads(command("runs", "--format", "json"))
    newest = [(each["trigger"], each["role"], each["reason"]) for each in found[:2]]
    assert newest[0] == ("resume", "postgres", "it was nothing")
    assert newest[1] == ("pause", "postgres", "we look at it")
    assert (found[-1]["run"], found[-1]["undo_reason"]) == (run_id[1], "by mistake")
    assert (found[-1]["sessions"], found[-1]["undone"], found[0]["run"]) == (1, 1, None)
    for name in ("recover", "undo", "pause"):
        assert "--reason: expected a text" in command(name, "chat", "--reason", " ", exits=2)
