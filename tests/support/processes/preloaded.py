"""The program in a process that has imported it already: most of a short command is imports.

A server, which is this file as a program, forks for each command. The child is a process with the
arguments, folder, environment and exit code of its own, as if the program had been started.
"""

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class Child:
    """One command that runs; its methods are those of subprocess.Popen."""

    def __init__(
        self, server: subprocess.Popen[bytes], asked: Mapping[str, Any], at_end: Callable[[], None]
    ) -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        self._command, self._answers, self._at_end = asked["argv"], server.stdout, at_end
        server.stdin.write(json.dumps(asked).encode() + b"\n")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; raises TimeoutExpired."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            self.returncode = int(self._answers.readline())
            self._at_end()
        return self.returncode


class Preloaded:
    """Runs commands, each in a child of a server that has no other; servers end with the tests."""

    def __init__(self, program: Path) -> None:
        self._program = str(program)
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As subprocess.run() with captured output; raises TimeoutExpired as that does."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("stdout", "stderr")]
            child = self._fork(arguments, cwd, env, files)
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
            output, errors = (file.read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess([self._program, *arguments], code, output, errors)

    def start(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> Child:
        """Start a command that writes all its output to a file."""
        return self._fork(arguments, cwd, env, [log, log])

    def _fork(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], files: Sequence[Path]
    ) -> Child:
        with self._lock:
            server = self._idle.pop() if self._idle else self._start()
        asked = {
            "argv": [self._program, *arguments],
            "cwd": str(cwd),
            "env": dict(env),
            "files": [str(file) for file in files],
        }
        return Child(server, asked, lambda: self._idle.append(server))

    def _start(self) -> subprocess.Popen[bytes]:
        # Unbuffered, so that select() sees all that is not read yet.
        return subprocess.Popen(
            [sys.executable, __file__],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )


def serve() -> None:
    """Fork for each line of stdin; answer the child's id, and its exit code when it has ended."""
    import exporter  # noqa: PLC0415 - the tests import this module for Preloaded
    from exporter.cli import main  # noqa: PLC0415

    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # what a command imports when it is asked for
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.dup(1)
    gc.freeze()  # so that a child does not copy all of it
    while line := requests.readline():
        child = os.fork()
        if child == 0:
            requests.close()
            os.close(answers)
            _become(json.loads(line))
            main()
        os.write(answers, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(asked: Mapping[str, Any]) -> None:
    sys.argv = list(asked["argv"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    opened = [os.open(os.devnull, os.O_RDONLY)]
    opened += [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for file in asked["files"]]
    for number, file in enumerate(opened):
        os.dup2(file, number)
        os.close(file)


if __name__ == "__main__":
    serve()
