"""The examples of --help, run one after the other with the documented config.yaml."""

import asyncio
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli.app.examples import EXAMPLES
from exporter.demo import history
from exporter.demo.roles import prepare
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.processes.session_exporter import run
from tests.support.servers.psql import run_script

pytestmark = pytest.mark.slow  # forty commands on the history of the demo

ROOT = Path(__file__).parents[4]
#: They serve until they are stopped; test_daemon and test_demo start them.
SERVING = {"run", "demo"}
#: In the examples, a session and a run; and one that the config knows in the demo alone.
SESSION, RUN, OWNED = "4711", "0b6d2f1e", "practice_calls"


def test_each_example_does_what_it_says(database: EmbeddedDatabase, tmp_path: Path) -> None:
    asyncio.run(prepare(database))
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
        connection.execute(
            # One lives, so that no brake is on; for `close` the application is stopped since.
            "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
            " VALUES (gen_random_uuid(), 'call-1', now() - interval '5 minutes')"
        )
    _write_config(tmp_path)
    (listed,) = _asked("orphans conversations --format json", database, tmp_path)
    known = {SESSION: listed["orphans"][0]["id"]}
    for words, both in EXAMPLES.items():
        for about, example in () if words in SERVING else both:
            if words == "undo" and RUN not in known:
                runs = _asked("runs conversations --format json", database, tmp_path)
                by_recover, by_close = (each for each in reversed(runs) if each["run"])
                assert 1 <= by_recover["sessions"] <= 10
                assert by_close["sessions"] >= 1
                run_id = by_recover["run"]
                known = {RUN: run_id[:8], SESSION: _closed_in(run_id, database)}
            for shown, real in known.items():
                example = example.replace(shown, real)  # noqa: PLW2901 - the one that is run
            _run(example, database, tmp_path, about)


def _write_config(folder: Path) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["sources"][OWNED] = {**config["sources"]["conversations"], "owner": "user_id"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def _closed_in(run_id: str, database: EmbeddedDatabase) -> str:
    query = f"SELECT session[1] FROM session_exporter.recovery WHERE run = '{run_id}' LIMIT 1"
    with database.connect(APP) as connection:
        ((found,),) = connection.execute(query.encode()).fetchall()
    return str(found)


def _asked(command: str, database: EmbeddedDatabase, folder: Path) -> list[dict[str, Any]]:
    found = json.loads(_run(command, database, folder, command))
    assert isinstance(found, list)
    return found


def _run(example: str, database: EmbeddedDatabase, folder: Path, about: str) -> str:
    """Run it; what is behind a pipe to psql, psql runs. Other programs need not be there."""
    inner = example.partition("$(")[2].partition(")")[0] if "$(" in example else example
    program, _, behind = inner.partition("|")
    arguments = shlex.split(program.partition(">")[0])
    arguments = arguments[arguments[0] == "session-exporter" :]
    done = run(*arguments, folder=folder, DATABASE_URL=database.dsn_for(APP))
    assert done.returncode == 0, (about, example, done.stdout, done.stderr)
    assert done.stdout.strip(), (about, example)
    if behind.strip().startswith("psql"):
        run_script(database, done.stdout, role=APP)
    return done.stdout
