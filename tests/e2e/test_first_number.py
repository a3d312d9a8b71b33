"""From nothing installed to the first number, by the commands of the README and the built wheel."""

import re
import resource
import sys
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.package_index import run_with_index
from tests.support.servers.statements import execute

ROOT = Path(__file__).parents[2]

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
