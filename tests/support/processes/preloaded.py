"""The program in a process that has imported it already: most of a short command is imports.

A server, which is this file as a program, forks for each command. The child is a process with the
arguments, folder, environment and exit code of its own, as if the program had been started.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

EXAMPLE = Path(__file__).parents[3] / "config.yaml"

#: Bytes: a command's arguments and environment.
LONGEST_REQUEST = 1 << 18


class Child:
    """One command that runs; its methods are those of subprocess.Popen."""

    def __init__(self, command: Sequence[str], answers: int) -> None:
        self._command, self._answers = command, os.fdopen(answers, "rb", buffering=0)
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
            self._answers.close()
        return self.returncode


class Preloaded:
    """Runs commands as children of one server, which ends with the tests."""

    def __init__(self, program: Path) -> None:
        self._program = str(program)
        self._requests: socket.socket | None = None
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
        asked = {
            "argv": [self._program, *arguments],
            "cwd": str(cwd),
            "env": dict(env),
            "files": [str(file) for file in files],
        }
        answers, answering = os.pipe()
        with self._lock:
            self._requests = self._requests or self._start()
            socket.send_fds(self._requests, [json.dumps(asked).encode()], [answering])
        os.close(answering)
        return Child([self._program, *arguments], answers)

    def _start(self) -> socket.socket:
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = subprocess.Popen(
                [sys.executable, __file__],
                stdin=theirs.fileno(),
                env={"PATH": os.environ.get("PATH", os.defpath)},
            )

        def stop() -> None:
            requests.close()
            server.wait()

        atexit.register(stop)
        return requests


def serve() -> None:
    """Fork for each request on stdin; answer the child's id, and when it has ended its exit code.

    The answers to a request go into the pipe that came with it.
    """
    import exporter.config  # noqa: PLC0415 - the tests import this module for Preloaded

    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # what a command imports when it is asked for
    # What is made when it is first needed, such as patterns and validators, each child finds made.
    exporter.config.load_config(EXAMPLE, {"DATABASE_URL": ""})
    gc.collect()
    gc.freeze()  # so that a child does not copy all of it
    requests = socket.socket(fileno=os.dup(0))
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    answers = dict[int, int]()  # a pipe for each child that runs
    while True:
        ready = select.select([requests.fileno(), ended], [], [])[0]
        if requests.fileno() in ready:
            request, pipes, *_ = socket.recv_fds(requests, LONGEST_REQUEST, 1)
            if not request:
                return
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (requests.detach(), ended, wake, *pipes, *answers.values()):
                    os.close(each)
                _run(json.loads(request))
            answers[child] = pipes[0]
            os.write(pipes[0], b"%d\n" % child)
        if ended in ready:
            os.read(ended, 512)
            _answer_ends(answers)


def _answer_ends(answers: dict[int, int]) -> None:
    while answers:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        answer = answers.pop(child)
        with contextlib.suppress(BrokenPipeError):  # no test waits for it any longer
            os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(answer)


def _run(asked: Mapping[str, Any]) -> NoReturn:
    """Run the command, and end as Python does, but for tidying up: that copies all memory."""
    from exporter.cli import main  # noqa: PLC0415 - see serve()

    _become(asked)
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - a traceback, as Python would
        traceback.print_exc()
        code = 1
    assert code is None or isinstance(code, int)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code or 0)


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
