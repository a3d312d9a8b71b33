"""What `sql role` prints is run by psql as printed: twice, by the owner of the tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, create_database, require_role
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.recovery.audit.installation import audit_script
from exporter.sessions.grants import DEFINER_ROLE, OPERATOR_ROLE, RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.fresh_databases import drop_database
from tests.support.servers.psql import run_script
from tests.support.servers.statements import execute, rows

TABLE = """
CREATE TABLE public.chat (is_open bool, began timestamptz, id int PRIMARY KEY, secret text);
INSERT INTO public.chat VALUES (true, now() - interval '1 day', 1, 'x');
"""
CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "began",
    "id": "id",
    "orphaned_after": "1h",
}
RECOVERY = {"set": {"is_open": False}, "end_at": "now"}
BY_FUNCTION = {**RECOVERY, "call": "session_exporter.recover_chat"}
OTHER = "other_reader"
#: How a database is out of reach: what stands in place of its dsn.
UNREACHABLE = {
    "no server": "postgresql://session_exporter@127.0.0.1:1/{name}",
    "no role": "postgresql://missing:x@127.0.0.1:{port}/{name}",
    "a wrong password": "postgresql://session_exporter:x@127.0.0.1:{port}/{name}",
}


@pytest.fixture
def owned(any_database: EmbeddedDatabase) -> Iterator[EmbeddedDatabase]:
    """A database with a table of its owner, who may create roles, and without rights of others."""
    roles = (EXPORTER, RECOVERY_ROLE, OTHER)
    for role in roles:
        require_role(any_database.server, role)
    execute(any_database, *(f"DROP OWNED BY {role}" for role in roles))
    forget_roles(any_database)
    # As it has over the roles that it creates itself, from PostgreSQL 16 on.
    execute(any_database, *(f"GRANT {role} TO {APP} WITH ADMIN OPTION" for role in roles))
    execute(any_database, f"ALTER ROLE {APP} CREATEROLE", f"GRANT ALL ON SCHEMA public TO {APP}")
    execute(any_database, audit_script(), TABLE, role=APP)
    yield any_database
    execute(any_database, *(f"DROP OWNED BY {role}" for role in roles))
    execute(any_database, *(f"REVOKE {role} FROM {APP} CASCADE" for role in roles))
    execute(any_database, f"ALTER ROLE {APP} NOCREATEROLE")
    forget_roles(any_database)


def forget_roles(database: EmbeddedDatabase) -> None:
    """Drop the roles that nobody logs in as."""
    for role in (DEFINER_ROLE, OPERATOR_ROLE):
        if rows(database, f"SELECT FROM pg_roles WHERE rolname = '{role}'"):
            execute(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def out_of_reach(database: EmbeddedDatabase, how: str) -> str:
    return UNREACHABLE[how].format(name=database.name, port=database.server.port)


def printed(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], *options: str, dsn: str = ""
) -> str:
    """`sql role` of one source, over a connection as the owner or with another dsn."""
    settings = {"dsn": dsn or database.dsn_for(APP)}
    config = write_config(folder, {"app": settings}, {"chat": source})
    done = run("sql", "role", *options, "-c", config, folder=folder)
    assert done.returncode == 0, done.stderr
    assert bool(done.stderr) == bool(dsn), done.stderr
    return done.stdout


def run_twice(database: EmbeddedDatabase, script: str) -> None:
    for _ in range(2):
        run_script(database, script, role=APP)


def orphaned(database: EmbeddedDatabase, folder: Path, source: dict[str, Any]) -> bool:
    """Whether the role collects, and finds the one orphaned session."""
    app = {"dsn": database.dsn_for(EXPORTER)}
    config = write_config(folder, {"app": app}, {"chat": source})
    done = run("once", "--format", "prometheus", "-c", config, folder=folder)
    assert done.returncode == 0, done.stderr
    return 'sessions_orphaned{database="app",source="chat"} 1\n' in done.stdout


def statements(script: str) -> list[str]:
    return [line for line in script.splitlines() if line and not line.startswith("--")]


def granted_by(script: str) -> set[str]:
    return {line.strip() for line in script.splitlines() if line.strip().startswith("GRANT ")}


def can_read(database: EmbeddedDatabase, column: str, role: str = EXPORTER) -> bool:
    query = f"SELECT pg_catalog.has_column_privilege('{role}', 'public.chat', '{column}', 'SELECT')"
    return bool(rows(database, query)[0][0])


@pytest.mark.parametrize("how", UNREACHABLE)
def test_without_a_connection_the_config_is_enough(
    owned: EmbeddedDatabase, tmp_path: Path, how: str
) -> None:
    script = printed(owned, tmp_path, CHAT, dsn=out_of_reach(owned, how))
    exact = printed(owned, tmp_path, CHAT)
    # Its search path alone is not known, and whether there is an audit.
    assert granted_by(script) == granted_by(exact)
    run_twice(owned, script)
    assert orphaned(owned, tmp_path, CHAT)
    assert not can_read(owned, "secret")


def test_without_a_connection_the_audit_may_be_there_or_not(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = write_config(tmp_path, {"app": {"dsn": owned.dsn_for(EXPORTER)}}, {"chat": CHAT})
    script = printed(owned, tmp_path, CHAT, dsn=out_of_reach(owned, "no server"))
    run_twice(owned, script)
    done = run("once", "--format", "prometheus", "-c", config, folder=tmp_path)
    assert 'sessions_daily_recovered{database="app",source="chat",days_ago="0"} 0' in done.stdout
    execute(owned, "DROP SCHEMA session_exporter CASCADE")
    run_twice(owned, script)


def test_a_note_says_why_no_connection_was_used_and_which_role_is_meant(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    app = {"dsn": out_of_reach(owned, "no role")}
    config = write_config(tmp_path, {"app": app}, {"chat": CHAT})
    done = run("sql", "role", "-c", config, folder=tmp_path)
    assert done.returncode == 0
    (note,) = done.stderr.splitlines()
    assert note.startswith("session-exporter: database app: ")
    assert 'password authentication failed for user "missing"' in note
    assert "connects as missing, and what is printed is for role session_exporter;" in note
    assert note.endswith("what is printed for it comes from the config alone")


def test_what_the_config_does_not_tell_is_granted_whole_until_there_is_a_connection(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        owned,
        "CREATE SCHEMA ops; CREATE TABLE ops.banned (id int)",
        "CREATE TABLE public.more (id int)",
        role=APP,
    )
    source = CHAT | {
        "active": "s.is_open AND NOT EXISTS (SELECT FROM ops.banned AS b, more WHERE b.id = s.id)"
    }
    dsn = out_of_reach(owned, "no server")
    script = printed(owned, tmp_path, source, dsn=dsn)
    assert "-- chat: all of the table may be read, because" in script
    run_twice(owned, script)
    assert orphaned(owned, tmp_path, source)
    assert can_read(owned, "secret")
    exact = printed(owned, tmp_path, source)
    assert f'REVOKE SELECT ON "public"."chat" FROM {EXPORTER};' in statements(exact)
    run_twice(owned, exact)
    assert orphaned(owned, tmp_path, source)
    assert not can_read(owned, "secret")
    assert "REVOKE" not in printed(owned, tmp_path, source)


@pytest.mark.quick("pg18-table-statements", "pg18-view-function")
@pytest.mark.parametrize("recovery", [RECOVERY, BY_FUNCTION], ids=["statements", "function"])
@pytest.mark.parametrize("kind", ["table", "view"])
def test_what_the_config_alone_asks_for_is_all_that_recovery_needs(
    owned: EmbeddedDatabase, tmp_path: Path, recovery: dict[str, Any], kind: str
) -> None:
    """A view has no system columns, of which a GRANT would stop the script."""
    if kind == "view":
        execute(
            owned,
            "ALTER TABLE public.chat RENAME TO base",
            "CREATE VIEW public.chat AS TABLE public.base",
            role=APP,
        )
    source = CHAT | {"recovery": recovery}
    run_twice(owned, printed(owned, tmp_path, source, dsn=out_of_reach(owned, "no server")))
    lacking = statements(printed(owned, tmp_path, source, "--missing"))
    assert [line for line in lacking if "search_path" not in line] == ["BEGIN;", "COMMIT;"]
    run_twice(owned, printed(owned, tmp_path, source))
    nothing = "-- Nothing is missing: the roles have all rights that they need.\n"
    assert printed(owned, tmp_path, source, "--missing") == nothing


def test_missing_prints_only_what_a_role_does_not_have(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    run_twice(owned, printed(owned, tmp_path, CHAT))
    assert statements(printed(owned, tmp_path, CHAT, "--missing")) == []
    changed = CHAT | {"show": ["secret"], "recovery": RECOVERY}
    lacking = printed(owned, tmp_path, changed, "--missing")
    assert f'GRANT SELECT ("secret") ON "public"."chat" TO {EXPORTER};' in statements(lacking)
    assert f'GRANT UPDATE ("is_open") ON "public"."chat" TO {RECOVERY_ROLE};' in lacking
    assert f"CREATE ROLE {OPERATOR_ROLE} NOLOGIN;" in lacking
    assert f"GRANT {RECOVERY_ROLE} TO {OPERATOR_ROLE};" in lacking
    assert '"began"' not in lacking.partition("What role session_exporter_recovery")[0]
    assert "REVOKE" not in lacking
    run_twice(owned, lacking)
    assert statements(printed(owned, tmp_path, changed, "--missing")) == []


def test_missing_needs_a_connection_and_says_so(owned: EmbeddedDatabase, tmp_path: Path) -> None:
    app = {"dsn": out_of_reach(owned, "a wrong password")}
    config = write_config(tmp_path, {"app": app}, {"chat": CHAT})
    done = run("sql", "role", "--missing", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "; --missing compares what the roles have, and needs a connection\n"
    )


def test_missing_leaves_the_audit_out_where_it_is_not_there(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(owned, "DROP SCHEMA session_exporter CASCADE")
    lacking = printed(owned, tmp_path, CHAT | {"recovery": RECOVERY}, "--missing")
    assert "-- Without rights on the missing audit: session-exporter sql audit" in lacking
    run_twice(owned, lacking)


def test_a_role_reads_in_several_databases_after_one_script(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Recovery is in the first alone, and its part of the script comes after that of the second."""
    other = create_database(owned.server, f"{owned.name} 'two'", owner=APP)
    execute(other, f"GRANT ALL ON SCHEMA public TO {APP}")
    execute(other, TABLE, role=APP)
    databases = {"one": {"dsn": owned.dsn_for(APP)}, "two": {"dsn": other.dsn_for(APP)}}
    sources = {
        "chat": CHAT | {"database": ["one", "two"]},
        "calls": CHAT | {"database": "one", "recovery": RECOVERY},
    }
    config = write_config(tmp_path, databases, sources)
    done = run("sql", "role", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    # Begun in a third database: the script goes to each by itself.
    begun = EmbeddedDatabase(owned.server, "postgres")
    for _ in range(2):
        run_script(begun, done.stdout, role=APP)
    for each in (owned, other):
        assert orphaned(each, tmp_path, CHAT)
    lacking = run("sql", "role", "--missing", "-c", config, folder=tmp_path)
    assert statements(lacking.stdout) == [], lacking.stdout
    drop_database(other)


def test_two_names_of_one_database_share_what_is_granted(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Or what is revoked for the second name would be what the first one needs."""
    dsn = owned.dsn_for(APP)
    databases = {"one": {"dsn": dsn}, "two": {"dsn": f"{dsn}?application_name=two"}}
    auto = RECOVERY | {"mode": "auto", "trust_age": True}
    sources = {
        "chat": CHAT | {"database": "one", "recovery": auto},
        "calls": CHAT | {"database": "two", "recovery": BY_FUNCTION},
    }
    config = write_config(tmp_path, databases, sources)
    done = run("sql", "role", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\connect" not in done.stdout
    assert done.stdout.count("\n-- In database one, two:\nBEGIN;") == 3
    run_twice(owned, done.stdout)
    lacking = run("sql", "role", "--missing", "-c", config, folder=tmp_path)
    assert statements(lacking.stdout) == [], lacking.stdout


def test_a_right_that_a_role_has_passed_on_is_left_with_a_comment(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    source = CHAT | {"recovery": RECOVERY}
    run_twice(owned, printed(owned, tmp_path, source))
    execute(
        owned,
        f"GRANT SELECT (secret) ON public.chat TO {RECOVERY_ROLE} WITH GRANT OPTION",
        f"GRANT SELECT ON session_exporter.pause TO {RECOVERY_ROLE} WITH GRANT OPTION",
        f"GRANT UPDATE (secret) ON public.chat TO {RECOVERY_ROLE}",
        role=APP,
    )
    passing = f"GRANT SELECT (secret) ON public.chat TO {OTHER}"
    execute(
        owned, passing, f"GRANT SELECT ON session_exporter.pause TO {OTHER}", role=RECOVERY_ROLE
    )
    script = printed(owned, tmp_path, source)
    assert script.count("-- The role has granted this to others") == 2
    run_twice(owned, script)
    assert can_read(owned, "secret", OTHER)
    assert can_read(owned, "secret", RECOVERY_ROLE)
    assert f'REVOKE UPDATE ("secret") ON "public"."chat" FROM {RECOVERY_ROLE};' in script


def test_the_owner_of_functions_keeps_only_what_they_need(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    source = CHAT | {"recovery": BY_FUNCTION}
    config = write_config(tmp_path, {"app": {"dsn": owned.dsn}}, {"chat": source})
    run_twice(owned, printed(owned, tmp_path, source))
    function = run("sql", "function", "chat", "-c", config, folder=tmp_path)
    assert function.returncode == 0, function.stderr
    run_script(owned, function.stdout)
    before = printed(owned, tmp_path, source)
    assert f"FROM {DEFINER_ROLE}" not in before
    execute(owned, f"GRANT SELECT (secret) ON public.chat TO {DEFINER_ROLE}", role=APP)
    script = printed(owned, tmp_path, source)
    assert f'REVOKE SELECT ("secret") ON "public"."chat" FROM {DEFINER_ROLE};' in statements(script)
    run_twice(owned, script)
    assert can_read(owned, "id", DEFINER_ROLE)
    assert not can_read(owned, "secret", DEFINER_ROLE)
