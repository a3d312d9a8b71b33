"""A daemon whose config file is changed and read again, and a scraper that looks on meanwhile."""

import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from exporter.config import Config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.reload.differences import Differences
from exporter.daemon.reload.hand_over import ending_jobs, hand_over, kept_of
from tests.support.processes.session_exporter import Daemon, Page, wait_for

RELOADED = "session_exporter_config_last_reload_success_timestamp_seconds"
SUCCESSFUL = "session_exporter_config_last_reload_successful"
HASH = "session_exporter_config_info"

_COUNTER = re.compile(r"^(\S+_total(?:\{.*\})?) (\S+)$", re.MULTILINE)

#: Between two scrapes, in seconds: as tight as it can be and leave the daemon time to work.
EVERY = 0.005


class ConfigFile:
    """A config that a test changes, key by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def change(self, section: str, name: str, **settings: Any) -> None:
        """Give a source, a database, owners or a list these settings, and write the file."""
        self.data[section].setdefault(name, {}).update(settings)
        self.write()

    def remove(self, section: str, name: str) -> None:
        """Take one out, and write the file."""
        del self.data[section][name]
        self.write()

    def write(self) -> None:
        """Write the file as a whole, as an operator's editor does."""
        new = self.path.with_suffix(".new")
        new.write_text(yaml.safe_dump(self.data, sort_keys=False), encoding="utf-8")
        new.rename(self.path)


_OUTCOME = re.compile(r"event=config_(reloaded|reload_failed)\b")


def remade(before: Exporter, config: Config) -> Exporter:
    """The exporter after a reload of a file with this config."""
    differences = Differences(before.config, config)
    ended = ending_jobs(before, config, differences, CLOCK)
    kept = kept_of(before, ended, differences)
    after = before.remade(config, kept)
    hand_over(before, after, kept, differences)
    return after


def reload(daemon: Daemon, *, succeeds: bool = True) -> None:
    """Send SIGHUP and wait until the daemon says what came of it."""
    before = len(_OUTCOME.findall(daemon.log))
    daemon.process.send_signal(signal.SIGHUP)
    outcomes = wait_for(
        lambda: _OUTCOME.findall(daemon.log)[before:],
        "the outcome of a reload is logged",
        details=lambda: daemon.log,
    )
    assert outcomes == ["reloaded" if succeeds else "reload_failed"], daemon.log


class Scraper:
    """Scrapes as fast as it can, in a thread: no scrape fails, no counter falls or is gone."""

    def __init__(self, daemon: Daemon, *, may_be_gone: str | None) -> None:
        """Those may be gone that have this in their name and labels."""
        self._daemon = daemon
        self._may_be_gone = may_be_gone
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._scrape)
        self._counters: dict[str, float] = {}
        self.problems: list[str] = []
        self.scrapes = 0
        self.longest = 0.0
        """The longest that one took, in seconds."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Fail if anything was wrong."""
        self._ended.set()
        self._thread.join(60)
        assert self.problems == []
        assert self.scrapes

    def _scrape(self) -> None:
        while not self._ended.wait(EVERY):
            began = time.monotonic()
            try:
                answer = self._daemon.get("/metrics")
            except OSError as error:
                self.problems.append(f"{error!r}")
                return
            self.longest = max(self.longest, time.monotonic() - began)
            self.scrapes += 1
            if answer.status != 200:
                self.problems.append(f"{answer.status}: {answer.text}")
                return
            self._compare({name: float(value) for name, value in _COUNTER.findall(answer.text)})

    def _compare(self, counters: Mapping[str, float]) -> None:
        self.problems += [
            f"{name} fell from {self._counters[name]} to {value}"
            for name, value in counters.items()
            if value < self._counters.get(name, 0.0)
        ]
        self.problems += [
            f"{name} is gone"
            for name in self._counters.keys() - counters.keys()
            if self._may_be_gone is None or self._may_be_gone not in name
        ]
        self._counters = dict(counters)


@contextmanager
def scraping(daemon: Daemon, *, may_be_gone: str | None = None) -> Iterator[Scraper]:
    """Scrape during the block; fail at its end if a scrape failed, or a counter fell or is gone."""
    scraper = Scraper(daemon, may_be_gone=may_be_gone)
    scraper.start()
    try:
        yield scraper
    finally:
        scraper.end()


def in_use(page: Page) -> float:
    """When the config in use was read."""
    value = page.value(RELOADED)
    assert value is not None
    return value
