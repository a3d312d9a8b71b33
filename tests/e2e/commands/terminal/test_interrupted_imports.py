"""Ctrl-C ends a command also while its modules are imported: without a traceback, and always."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Sends SIGINT when a module is imported: right there, or where Python ignores an exception.
SCRIPT = """\
import builtins, os, signal, weakref, exporter.cli

class Referred:
    pass

def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass

def load_interrupted(name, *rest):
    if name == {module!r}:
        builtins.__import__ = load
        {interrupt}
    return load(name, *rest)

load = builtins.__import__
builtins.__import__ = load_interrupted
exporter.cli.main()
"""
WHERE = {
    "in an import": "interrupt()",
    "in a callback": "referred = Referred(); kept = weakref.ref(referred, interrupt); del referred",
}


@pytest.fixture
def caught() -> Iterator[None]:
    """SIGINT is not ignored, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run_interrupted(folder: Path, module: str, where: str) -> "subprocess.CompletedProcess[str]":
    script = SCRIPT.format(module=module, interrupt=WHERE[where])
    command = [sys.executable, "-c", script, "check"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("caught")
@pytest.mark.parametrize("module", ["typer", "exporter.config.load"])
@pytest.mark.parametrize("where", WHERE)
def test_it_ends_at_once_without_a_traceback(tmp_path: Path, module: str, where: str) -> None:
    done = run_interrupted(tmp_path, module, where)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As in the background of a script, or below nohup."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = run_interrupted(tmp_path, "typer", "in an import")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 1
    assert "there is no such file" in done.stderr or "config.yaml" in done.stderr
