"""A runbook as the exporter serves it, whose commands are pasted as they stand."""

import os
import subprocess
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.documents import blocks
from tests.support.monitoring.followed_runbooks import TABLE, config_of, orphans
from tests.support.processes.session_exporter import PROGRAM, Daemon
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a daemon, and a process for each command


@pytest.fixture
def has_audit() -> bool:
    return True


def test_its_commands_run_with_their_prefix_and_the_source_of_the_alert(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, TABLE, orphans(21, 26))
    config = config_of(tmp_path, database)
    # As `kubectl exec … --`, this runs a program where the config is, and no shell.
    options = ["--web.command-prefix", f"env SESSION_EXPORTER_CONFIG={config}"]
    with Daemon(config, folder=tmp_path, options=options) as daemon:
        path = "/runbooks/SessionsOrphanedAboveThreshold.md?source=calls"
        first, *_ = blocks(daemon.get(path).text, "sh")
    done = subprocess.run(
        ["sh", "-ec", first],
        cwd="/",
        env={"PATH": f"{PROGRAM.parent}:{os.defpath}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "calls (app): orphaned_count 6" in done.stdout
    assert "6 would be closed" in done.stdout
