"""Processes of session-exporter that may be killed at any time: daemons, and recoveries by hand."""

import itertools
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.processes.session_exporter import Daemon, Running, start
from tests.support.recovery.worlds.stress.actor import Actor

#: How a person may recover. They accept the brakes, which concern the whole source.
OPTIONS: tuple[tuple[str, ...], ...] = (
    ("--limit", "3"),
    ("--limit", "5", "--batch", "1"),
    ("--older-than", "4s", "--limit", "20", "--pause", "1ms"),
    ("--limit", "10", "--undone", "--batch", "3", "--pause", "20ms"),
)


class Processes:
    """Those that run just now."""

    def __init__(self) -> None:
        self._pids = dict[int, str]()
        self._killed = set[int]()
        self._lock = threading.Lock()

    @contextmanager
    def with_(self, process: Running, kind: str) -> Iterator[None]:
        with self._lock:
            self._killed.discard(process.pid)
            self._pids[process.pid] = kind
        try:
            yield
        finally:
            with self._lock:
                self._pids.pop(process.pid, None)

    def kill_one(self, dice: random.Random) -> str | None:
        """Kill one of them, and return what it was."""
        with self._lock:
            if not self._pids:
                return None
            pid = dice.choice(sorted(self._pids))
            self._killed.add(pid)
            kind = self._pids.pop(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return kind

    def was_killed(self, process: Running) -> bool:
        with self._lock:
            return process.pid in self._killed


class DaemonKeeper(Actor):
    """Starts `session-exporter run` again whenever it was killed."""

    def __init__(
        self, name: str, seed: int, config: Path, folder: Path, processes: Processes
    ) -> None:
        super().__init__(name, seed)
        self._config = config
        self._folder = folder
        self._processes = processes

    def act(self) -> None:
        daemon = Daemon(self._config, folder=self._folder)
        with daemon:
            self.done["daemon started"] += 1
            with self._processes.with_(daemon.process, "daemon"):
                while daemon.process.poll() is None and not self.is_over.wait(0.1):
                    pass
            was_killed = self._processes.was_killed(daemon.process)
            assert daemon.process.poll() is None or was_killed, daemon.log
        for bug in ("Traceback", "event=recovery_bug", "event=collection_bug"):
            assert bug not in daemon.log, daemon.log
        self.done["daemon: recovered"] += daemon.log.count("event=recovered ")
        self.done["daemon: braked"] += daemon.log.count("event=recovery_braked ")


class HandRecoverer(Actor):
    """A person who recovers some sessions by the command, again and again."""

    PAUSE = (0.5, 2.0)

    def __init__(
        self, name: str, seed: int, configs: list[Path], folder: Path, processes: Processes
    ) -> None:
        super().__init__(name, seed)
        self._configs = configs
        self._folder = folder
        self._processes = processes
        self._name = name
        self._numbers = itertools.count(1)

    def act(self) -> None:
        log = self._folder / f"{self._name}-{next(self._numbers)}.log"
        options = self.dice.choice(OPTIONS)
        config = self.dice.choice(self._configs)
        words = ["recover", "chats", "--yes", "--despite-brake", *options, "-c", str(config)]
        process = start(words, folder=self._folder, log=log)
        with self._processes.with_(process, "recover"):
            code = process.wait(timeout=120)
        output = log.read_text(encoding="utf-8")
        was_killed = self._processes.was_killed(process)
        assert was_killed or code in {0, 1}, (code, output)
        assert "Traceback" not in output, output
        log.unlink()
        self.done["recover: killed" if was_killed else f"recover: exit code {code}"] += 1
