"""The program in a process that has imported it already: most of a short command is imports.

One server (preload_server.py) forks for all workers. A command that is started gets a child with
the arguments, folder, environment and exit code of its own, as if the program had been started.
Commands that are run to their end share a child, one after the other: to fork costs more than most.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("preload_server.py")
#: The variable that tells workers where the server listens.
ADDRESS = "SESSION_EXPORTER_PRELOADED"


@contextlib.contextmanager
def preload_server() -> Iterator[None]:
    """Let a server listen, which imports the program once it is needed; it ends with the block."""
    with (
        tempfile.TemporaryDirectory(prefix="session-exporter-preloaded-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening,
    ):
        os.environ[ADDRESS] = str(Path(folder, "socket"))
        listening.bind(os.environ[ADDRESS])
        listening.listen()
        with subprocess.Popen(
            [sys.executable, SERVER, str(listening.fileno())],
            stdin=subprocess.PIPE,  # its end is that of the server
            pass_fds=[listening.fileno()],
            env={"PATH": os.environ.get("PATH", os.defpath)},
        ):
            yield


class Child:
    """One command that runs; its methods are those of subprocess.Popen."""

    def __init__(self, command: Sequence[str], answers: int) -> None:
        self.command, self._answers = command, os.fdopen(answers, "rb", buffering=0)
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; raises TimeoutExpired."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.command, timeout or 0)
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
            self._answers.close()
        return self.returncode


class Runner:
    """A child that runs one command after the other, in the process that it is."""

    def __init__(self, child: Child, requests: socket.socket) -> None:
        self._child, self._requests = child, requests

    @property
    def is_running(self) -> bool:
        """Whether it can run another command."""
        return self._child.poll() is None

    def run(self, request: bytes, timeout: float) -> int:
        """Return the exit code, also where the command ends the process; raises TimeoutExpired."""
        self._requests.send(request)
        if not select.select([self._requests], [], [], timeout)[0]:
            self.end()
            raise subprocess.TimeoutExpired(self._child.command, timeout)
        answer = self._requests.recv(16)
        return int(answer) if answer else self._child.wait()

    def close(self) -> None:
        """Ask for no more commands, so that it ends."""
        self._requests.close()

    def end(self) -> None:
        """End it at once."""
        self.close()
        self._child.kill()
        self._child.wait()


class Preloaded:
    """Runs commands as children of the server."""

    def __init__(self, program: Path) -> None:
        self._program = str(program)
        self._requests: socket.socket | None = None
        self._lock = threading.Lock()
        self._idle = list[Runner]()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As subprocess.run() with captured output; raises TimeoutExpired as that does."""
        command = [self._program, *arguments]
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("stdout", "stderr")]
            request = _request(command, cwd, env, files)
            runner = self._idle_runner()
            code = runner.run(request, timeout)
            if runner.is_running:
                self._idle.append(runner)
            else:
                runner.end()
            output, errors = (file.read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(command, code, output, errors)

    def start(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> Child:
        """Start a command that writes all its output to a file."""
        command = [self._program, *arguments]
        return self._fork(command, _request(command, cwd, env, [log, log]))

    def _idle_runner(self) -> Runner:
        """One of those that wait, for each thread of a test another."""
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            return Runner(self._fork(["runner"], b"{}", theirs.fileno()), ours)

    def _fork(self, command: Sequence[str], request: bytes, *passed: int) -> Child:
        answers, answering = os.pipe()
        with self._lock:
            self._requests = self._requests or self._connect()
            socket.send_fds(self._requests, [request], [answering, *passed])
        os.close(answering)
        return Child(command, answers)

    def _connect(self) -> socket.socket:
        requests = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        requests.connect(os.environ[ADDRESS])

        def stop() -> None:
            for runner in self._idle:
                runner.close()
            requests.close()

        atexit.register(stop)
        return requests


def _request(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], files: Sequence[Path]
) -> bytes:
    asked: dict[str, Any] = {
        "argv": command,
        "cwd": str(cwd),
        "env": dict(env),
        "files": [str(file) for file in files],
    }
    return json.dumps(asked).encode()
