"""What the documents show of a recovery is what the command prints."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.demo import history
from exporter.demo.roles import RECOVERY, prepare
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.processes.session_exporter import run

ROOT = Path(__file__).parents[3]
#: How many of them are backlog already depends on the time of the day.
CHANGES = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|user-\d+|\d+d \d+h|[-\d:. +]{10,}Z?"
    r"|\d+ (?=would be closed|more)|\d+ (?:is|are) (?=left alone)"
    r"|(?<=--show )\d+"
)


#: In the demo sessions go on; with none that lives, a brake would be on.
ONE_LIVES = """
INSERT INTO conversations.conversation_sessions (session_id, user_id)
VALUES (gen_random_uuid(), 'user-0001')
"""


def shape(text: str) -> list[str]:
    """Every line with what differs each time, and the space of the columns, taken out."""
    return [" ".join(CHANGES.sub("*", line.strip()).split()) for line in text.strip().splitlines()]


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ("README.md", "recover conversations --backlog --show 1"),
        ("docs/recovery.md", "recover conversations --show 2"),
    ],
)
def test_the_plan_in_the_documents_is_the_one_of_the_demos_history(
    database: EmbeddedDatabase, document: str, command: str, tmp_path: Path
) -> None:
    asyncio.run(prepare(database))
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
        connection.execute(ONE_LIVES)
    done = run(
        *command.split(),
        "-c",
        ROOT / "config.yaml",
        folder=tmp_path,
        DATABASE_URL=database.dsn_for(RECOVERY),
    )
    assert done.returncode == 0, done.stderr
    text = (ROOT / document).read_text()
    shown = re.search(rf"^ *\$ session-exporter {command}\n((?: +.*\n)+)", text, re.MULTILINE)
    assert shown is not None
    lines = [line for line in shape(shown[1]) if line != "```"]
    assert len(lines) >= 6
    assert "19 active sessions, 18 of them orphaned" in shown[1]
    for line, real in zip(lines, shape(done.stdout), strict=True):
        if line.endswith("…"):
            assert real.startswith(line.removesuffix("…").strip())
        else:
            assert real == line
