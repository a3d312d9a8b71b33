"""The program in a process that has imported it already: most of a short command is imports.

A server, which is this file as a program, forks for each command. The child is a process with the
arguments, folder, environment and exit code of its own, as if the program had been started.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Preloaded:
    """Runs commands, each in a child of an idle server; servers end with this process."""

    def __init__(self, program: Path) -> None:
        self._program = str(program)
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As subprocess.run() with captured output; raises TimeoutExpired as that does."""
        command = [self._program, *arguments]
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/stdout", f"{folder}/stderr"]
            asked = {"argv": command, "cwd": str(cwd), "env": dict(env), "files": files}
            code = self._ask(asked, timeout)
            output, errors = (Path(file).read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(command, code, output, errors)

    def _ask(self, asked: Mapping[str, object], timeout: float) -> int:
        with self._lock:
            server = self._idle.pop() if self._idle else self._start()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asked).encode() + b"\n")
        server.stdin.flush()
        child = int(server.stdout.readline())
        if not select.select([server.stdout], [], [], timeout)[0]:
            os.kill(child, signal.SIGKILL)
            server.stdout.readline()
            raise subprocess.TimeoutExpired(str(asked["argv"]), timeout)
        code = int(server.stdout.readline())
        with self._lock:
            self._idle.append(server)
        return code

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
    from exporter.cli import main  # noqa: PLC0415 - the tests import this module for Preloaded

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
    opened += [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for file in asked["files"]]
    for number, file in enumerate(opened):
        os.dup2(file, number)
        os.close(file)


if __name__ == "__main__":
    serve()
