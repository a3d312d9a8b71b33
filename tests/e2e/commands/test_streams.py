"""Commands whose stdout or stderr is closed or full, or whose reader goes away."""

import subprocess
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    PROGRAM,
    environment,
    write_config,
)

COMMANDS = (
    "once",
    "once --format prometheus",
    "orphans",
    "check",
    "check --live",
    "runs",
    "sql role",
    "sql audit",
    "sql index conversations",
    "--help",
)


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    """Without recovery, so that `runs` has nothing to read."""
    return write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"conversations": CONVERSATIONS})


def shell(config: Path, command: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the real program in a shell."""
    options = "" if command == "--help" else f"-c '{config}'"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"'{PROGRAM}' {command} {options} {redirection}"],
        env=environment(config.parent),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.quick("once->&-")
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">&-", "stdout is closed"), ("> /dev/full", "No space left on device")],
    ids=[">&-", "> /dev/full"],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_cannot_be_written_is_a_sentence_and_exit_1(
    config: Path, command: str, redirection: str, why: str
) -> None:
    done = shell(config, command, redirection)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"session-exporter: cannot write the output: {why}\n"


@pytest.mark.slow  # the fast tier has a reader that goes away, in test_commands.py
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("redirection", ["| head -1", "| true", "2>&-", "2> /dev/full", "<&-"])
def test_a_reader_that_goes_away_and_a_closed_stderr_are_no_failure(
    config: Path, command: str, redirection: str
) -> None:
    done = shell(config, command, redirection)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.quick("no reader")
@pytest.mark.parametrize(
    "redirection",
    ["| true", "| head -1", ">&- 2>&-", "2>&1 | true"],
    ids=["no reader", "one line", "both closed", "neither read"],
)
def test_a_source_that_failed_is_exit_1_whoever_reads_it(
    database: EmbeddedDatabase, tmp_path: Path, redirection: str
) -> None:
    sources = {"gone": {**CONVERSATIONS, "table": "public.gone"}}
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, sources)
    assert shell(config, "once --format prometheus", redirection).returncode == 1
