"""The applications of the demo and their clients, as programs of their own."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.processes.session_exporter import environment, wait_for

PACKAGE = "exporter.demo.applications"
CALLS = f"{PACKAGE}.practice_calls"
FRONT_END = f"{PACKAGE}.practice_calls.front_end"
ROLE_PLAY = f"{PACKAGE}.roleplay_api"
PROBE = f"{PACKAGE}.roleplay_api.probe_server"
CHATS = f"{PACKAGE}.chat_server"


class Application:
    """`python -m MODULE ARGUMENTS`, from entering to leaving the `with` block.

    It must have ended without a traceback; one that waits for a signal gets SIGTERM.
    """

    def __init__(self, module: str, *arguments: object, folder: Path) -> None:
        self._arguments = [sys.executable, "-m", module, *map(str, arguments)]
        self._folder = folder
        self._log = folder / f"{module.rpartition('.')[2]}-{id(self)}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self._folder,
                env=environment(self._folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    def __exit__(self, type_: type[BaseException] | None, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"it does not stop:\n{self.log}") from None
        assert type_ or "Traceback" not in self.log, self.log

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process itself."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        return self._log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        self.process.wait()

    def wait(self, *, seconds: float = 120.0) -> list[dict[str, Any]]:
        """Wait for its own end without an error, and return the events."""
        assert self.process.wait(seconds) == 0, self.log
        return self.events()

    def events(self) -> list[dict[str, Any]]:
        """The events that it has written: lines of JSON."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def wait_for_event(self, name: str, *, number: int = 1) -> dict[str, Any]:
        """Wait until an event has been written so many times, and return the newest."""

        def found() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log
            events = [each for each in self.events() if each["event"] == name]
            return events[-1] if len(events) >= number else None

        return wait_for(found, f"{name}, {number} times", details=lambda: self.log)

    @property
    def port(self) -> int:
        """The port on which it listens, once it does."""

        def listening() -> list[str]:
            assert self.process.poll() is None, self.log
            return re.findall(r"listening on http://127\.0\.0\.1:(\d+)\n", self.log)

        return int(wait_for(listening, "it listens", details=lambda: self.log)[-1])

    @property
    def url(self) -> str:
        """The address of its HTTP pages."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """The JSON of a page."""
        return httpx.get(self.url + path, timeout=20).raise_for_status().json()


class CallServerProcess(Application):
    """The server of practice calls."""

    def __init__(self, *arguments: object, folder: Path) -> None:
        super().__init__(CALLS, *arguments, folder=folder)

    def sessions(self, state: str | None = None) -> list[dict[str, str]]:
        """What it lists: all, or those of one state."""
        found = self.get("/sessions")["sessions"]
        return [each for each in found if state in {None, each["state"]}]

    def front_end(
        self, act: str, client: str, *arguments: object, port: int | None = None
    ) -> Application:
        """A client of it, directly or through the port of a proxy."""
        url = f"ws://127.0.0.1:{port or self.port}"
        words = (act, "--url", url, "--client", client, *arguments)
        return Application(FRONT_END, *words, folder=self._folder)
