"""Runs pip, where there is a package index."""

import os
import re
import subprocess
from pathlib import Path

import pytest

#: What pip writes about a bound that no version fits names the versions that it knows.
_NO_INDEX = re.compile(
    r"from versions: none|NewConnectionError|ConnectTimeoutError|Name or service"
)


def run_with_index(*command: str | Path, folder: Path | None = None) -> str:
    """Run a command that needs a package index; skip without one, but fail in CI."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=600
    )
    if done.returncode and _NO_INDEX.search(done.stderr):
        if os.environ.get("CI") == "true":
            pytest.fail(f"pip has no package index: {done.stderr}")
        pytest.skip("pip has no package index")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
