"""The steps of the README for one's own database, from an empty server to the first number."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import run_script
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.versions import VERSIONS

#: What an application brings: its role and its database, and its table, as its owner.
APPLICATION = """
CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'o';
CREATE DATABASE shop OWNER owner;
REVOKE ALL ON DATABASE shop FROM PUBLIC;
"""
TABLE = """
CREATE SCHEMA chats;
CREATE TABLE chats.conversation_sessions (
    session_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    is_active bool NOT NULL,
    session_start timestamptz NOT NULL
);
INSERT INTO chats.conversation_sessions (is_active, session_start)
SELECT true, now() - interval '1 day' FROM generate_series(1, 3);
"""
SOURCE = {
    "table": "chats.conversation_sessions",
    "active": "is_active",
    "started_at": "session_start",
    "id": "session_id",
    "orphaned_after": "2h",
}


@pytest.mark.quick(f"pg{max(VERSIONS)}")
@pytest.mark.parametrize("major", VERSIONS, ids="pg{}".format)
def test_the_steps_of_the_readme_work_from_an_empty_server(
    major: int, fast_folder: Path | None, tmp_path: Path
) -> None:
    with QuickServer(VERSIONS[major], parent=fast_folder) as server:
        run_script(EmbeddedDatabase(server, "postgres"), APPLICATION)
        server.passwords["owner"] = "o"
        shop = EmbeddedDatabase(server, "shop")
        run_script(shop, TABLE, role="owner")
        server.passwords["session_exporter"] = "s"
        dsn = shop.dsn_for("session_exporter")
        config = write_config(tmp_path, {"app": {"dsn": dsn}}, {"conversations": SOURCE})

        roles = run("sql", "role", "-c", config, folder=tmp_path)
        assert roles.returncode == 0
        assert "comes from the config alone" in roles.stderr
        for _ in range(2):
            run_script(shop, roles.stdout, role="owner")
        run_script(shop, "ALTER ROLE session_exporter PASSWORD 's'", role="owner")
        index = run("sql", "index", "conversations", "-c", config, folder=tmp_path)
        assert (index.returncode, index.stderr) == (0, "")
        run_script(shop, index.stdout, role="owner")
        run_script(shop, "ANALYZE chats.conversation_sessions", role="owner")
        check = run("check", "--live", "-c", config, folder=tmp_path)
        assert (check.returncode, check.stderr) == (0, ""), check.stdout
        once = run("once", "--format", "prometheus", "-c", config, folder=tmp_path)
        assert (once.returncode, once.stderr) == (0, "")
        assert 'sessions_orphaned{database="app",source="conversations"} 3\n' in once.stdout
