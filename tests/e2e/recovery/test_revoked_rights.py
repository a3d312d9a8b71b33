"""`sql role` revokes from the role for recovery what a changed config no longer needs."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.recovery.audit.installation import audit_script
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

OTHER = "other_reader"
TABLES = """
CREATE TABLE public.chat (
    id int PRIMARY KEY, "Open" bool, began timestamptz, seen timestamptz, ended timestamptz
);
CREATE TABLE public.call (id int PRIMARY KEY, live bool, began timestamptz);
CREATE TABLE public.guard (id int, at timestamptz);
CREATE VIEW public.guards AS TABLE public.guard;
"""
CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": '"Open"',
    "started_at": "began",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
    "recovery": {"set": {"Open": False, "ended": "{end}"}},
}
CALL: dict[str, Any] = {
    "table": "public.call",
    "active": "live",
    "started_at": "began",
    "id": "id",
    "orphaned_after": "1h",
    "recovery": {
        "set": {"live": False},
        "end_at": "now",
        "evidence": "EXISTS (SELECT FROM public.guards)",
    },
}

Print = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture
def sql_role(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Print]:
    """`sql role` of a config with these sources, as a DBA."""
    execute(database, audit_script(), TABLES)
    for role in (RECOVERY_ROLE, OTHER):
        require_role(database.server, role)

    def sql_role(sources: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, sources)
        return run("sql", "role", "-c", config, folder=tmp_path)

    yield sql_role
    execute(database, f"DROP OWNED BY {RECOVERY_ROLE}", f"DROP OWNED BY {OTHER}")


def rights(database: EmbeddedDatabase, grantee: str) -> set[str]:
    """What was granted to a role on tables of the application: table, privilege, column."""
    query = (
        "SELECT pg_catalog.concat_ws(' ', c.relname, g.privilege_type, a.attname)"
        " FROM pg_class AS c LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g"
        " WHERE c.relnamespace = 'public'::regnamespace"
        f" AND g.grantee = coalesce((SELECT oid FROM pg_roles WHERE rolname = '{grantee}'), 0)"
    )
    whole = query.replace("a.attacl", "c.relacl").replace(", a.attname", "")
    whole = whole.replace(" LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid", "")
    return {right for (right,) in rows(database, f"{query} UNION {whole}")}


def revoked(printed: str) -> list[str]:
    return [
        line
        for line in printed.splitlines()
        if line.startswith("REVOKE ") and "ALL TABLES" not in line
    ]


def test_what_a_source_no_longer_writes_or_reads_is_revoked(
    database: EmbeddedDatabase, sql_role: Print
) -> None:
    first = sql_role({"chat": CHAT, "call": CALL}).stdout
    assert revoked(first) == []
    execute(database, first)
    before = rights(database, RECOVERY_ROLE)
    assert {"chat UPDATE ended", "call UPDATE live", "guards SELECT id"} <= before
    assert revoked(sql_role({"chat": CHAT, "call": CALL}).stdout) == []

    recovery = {"set": {"Open": False}}
    changed = sql_role({"chat": {**CHAT, "recovery": recovery}, "call": CALL}).stdout
    assert revoked(changed) == [
        f'REVOKE SELECT ("ended") ON "public"."chat" FROM {RECOVERY_ROLE};',
        f'REVOKE UPDATE ("ended") ON "public"."chat" FROM {RECOVERY_ROLE};',
    ]
    for _ in range(2):  # it may be run twice
        execute(database, changed)
    assert before - rights(database, RECOVERY_ROLE) == {"chat SELECT ended", "chat UPDATE ended"}

    gone = sql_role({"chat": {**CHAT, "recovery": recovery}}).stdout
    execute(database, gone)
    left = rights(database, RECOVERY_ROLE)
    assert {right.split()[0] for right in left} == {"chat"}
    assert {"chat UPDATE Open", "chat SELECT xmin"} <= left


def test_a_source_that_a_function_closes_leaves_the_role_no_right_on_its_table(
    database: EmbeddedDatabase, sql_role: Print
) -> None:
    execute(database, sql_role({"chat": CHAT}).stdout)
    # It owned all of the table in an older release.
    execute(database, f"GRANT SELECT, UPDATE ON public.chat TO {RECOVERY_ROLE}")
    by_function = {**CHAT["recovery"], "call": "session_exporter.recover_chat"}
    printed = sql_role({"chat": {**CHAT, "recovery": by_function}}).stdout
    execute(database, printed)
    assert rights(database, RECOVERY_ROLE) == set()
    # And gets back by columns what it needs, where it has all of the table.
    execute(database, f"GRANT SELECT, UPDATE ON public.chat TO {RECOVERY_ROLE}")
    execute(database, sql_role({"chat": CHAT}).stdout)
    left = rights(database, RECOVERY_ROLE)
    assert "chat UPDATE ended" in left
    assert not {"chat UPDATE", "chat SELECT", "chat UPDATE began"} & left


def test_where_no_source_is_recovered_any_more_all_of_it_is_revoked(
    database: EmbeddedDatabase, sql_role: Print
) -> None:
    execute(database, sql_role({"chat": CHAT}).stdout)
    printed = sql_role({"chat": {**CHAT, "recovery": {}}}).stdout
    execute(database, printed)
    assert rights(database, RECOVERY_ROLE) == set()
    assert f'GRANT CONNECT ON DATABASE "{database.name}" TO {RECOVERY_ROLE}' not in printed


def test_no_right_of_another_role_or_of_another_kind_is_revoked(
    database: EmbeddedDatabase, sql_role: Print
) -> None:
    execute(
        database,
        "GRANT SELECT, UPDATE ON public.guard TO PUBLIC",
        f"GRANT SELECT, UPDATE ON public.guard TO {OTHER}",
        f"GRANT INSERT, DELETE ON public.guard TO {RECOVERY_ROLE}",
        f"CREATE TABLE public.own (id int); ALTER TABLE public.own OWNER TO {RECOVERY_ROLE}",
    )
    everyone = {role: rights(database, role) for role in (OTHER, "PUBLIC")}
    printed = sql_role({"chat": CHAT}).stdout
    assert revoked(printed) == []
    execute(database, printed)
    assert {role: rights(database, role) for role in everyone} == everyone
    assert {"guard INSERT", "guard DELETE"} <= rights(database, RECOVERY_ROLE)


def test_where_a_source_cannot_be_read_nothing_of_it_is_revoked(
    database: EmbeddedDatabase, sql_role: Print
) -> None:
    execute(database, sql_role({"chat": CHAT, "call": CALL}).stdout)
    execute(database, "ALTER TABLE public.call RENAME COLUMN live TO alive")
    done = sql_role({"chat": CHAT, "call": CALL})
    assert done.returncode == 1
    assert revoked(done.stdout) == []
    assert "-- Not all sources could be read" in done.stdout
