"""The steps of the README for one's own database, from an empty server or machine to a number."""

import re
import resource
import sys
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.package_index import run_with_index
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import run_script
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute
from tests.support.servers.versions import VERSIONS

ROOT = Path(__file__).parents[3]

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


#: Of all commands together, in seconds of the processor: a slow network costs none.
MOST_SECONDS = 90

SESSIONS = """
INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)
  SELECT gen_random_uuid(), 'u' || g, now() - interval '30 min' - g * interval '2 h'
  FROM generate_series(1, 300) AS g;
UPDATE conversations.conversation_sessions SET is_active = false, duration_seconds = 600,
  ended_at = session_start + interval '10 min', session_end = session_start + interval '10 min'
  WHERE session_start < now() - interval '12 h';
ANALYZE conversations.conversation_sessions
"""


def commands() -> list[str]:
    """The first commands that the README gives for a database of one's own, without comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Your own database\n")[2]
    block = re.search(r"(?:^    .+\n)+", section, re.MULTILINE)
    assert block is not None
    return [line.partition("   #")[0].strip() for line in block[0].splitlines()]


@pytest.mark.slow  # it installs the program and all it needs
def test_the_first_number_takes_four_commands_and_ninety_seconds(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, *SESSIONS.split(";"))
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--no-input"]
    run_with_index(*build, "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    script = "\n".join(commands())
    for written, here in {
        "--constraint constraints.txt .": str(wheel),
        "python3 ": f"{sys.executable} ",
        "postgresql://reader@db.example/app": f"'{database.dsn}'",
    }.items():
        assert written in script
        script = script.replace(written, here)
    assert len(commands()) <= 4
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = run_with_index("bash", "-ec", script, folder=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert re.search(r"^conversation\S* +app +5 ", printed, re.MULTILINE), printed
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= MOST_SECONDS
