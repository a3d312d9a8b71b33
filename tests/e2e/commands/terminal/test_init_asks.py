"""On a terminal `init` asks where the database is, unseen, and what is doubtful."""

import os
import pty
import select
import time
from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import PROGRAM, environment
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a process on a terminal; what the answers do is tested with flags

DEADLINE = 60.0


def converse(folder: Path, words: list[str], answers: dict[bytes, bytes]) -> str:
    """Run a command on a terminal; give each answer when its question has been shown."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(PROGRAM, [str(PROGRAM), *words], environment(folder))
    shown, until = b"", time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux says so where the program has ended
            break
        if not read:
            break
        shown += read
        for question in [each for each in answers if each in shown]:
            os.write(terminal, answers.pop(question) + b"\n")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert not answers
    return shown.decode()


@pytest.mark.parametrize(("answer", "sources"), [(b"y", {"staff"}), (b"n", set()), (b"", set())])
def test_it_asks_for_the_database_unseen_and_about_each_doubtful_table(
    database: EmbeddedDatabase, tmp_path: Path, answer: bytes, sources: set[str]
) -> None:
    execute(
        database,
        "CREATE TABLE public.staff (id int PRIMARY KEY, started_at timestamptz NOT NULL,"
        " ended_at timestamptz)",
    )
    questions = {b"(not shown)": database.dsn.encode(), b"(Enter)": answer}
    shown = converse(tmp_path, ["init", "--table", "staff"], questions)
    assert database.dsn not in shown
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert load_config(tmp_path / "config.yaml", {"DATABASE_URL": ""}).sources.keys() == sources
    assert ("# QUESTION" in text) == (answer == b"")
    assert ("as you answered" in text) == (answer == b"n")
