"""The time of day that a process sees, set by libfaketime (Debian's package faketime)."""

import re
from pathlib import Path

from tests.support.processes.session_exporter import (
    Daemon,
    wait_for,
)

HOUR = 3600


class WallClock:
    """What a process takes for the time of day: the real one and an offset in seconds."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.set(0)
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
            # Its fix for an older glibc ends each wait for Python's global lock at once: two
            # threads then do nothing but hand it to each other, ten times as slowly.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def set(self, offset: float) -> None:
        """Take effect at once, in one piece."""
        _write_whole(self._file, f"{offset:+.3f}\n")

    def another(self, name: str, offset: float) -> dict[str, str]:
        """What sends another process to an offset of its own."""
        file = self._file.with_name(name)
        _write_whole(file, f"{offset:+.3f}\n")
        return {"FAKETIME_TIMESTAMP_FILE": str(file)}


def _write_whole(file: Path, text: str) -> None:
    written = file.with_name(f"{file.name}.new")
    written.write_text(text)
    written.replace(file)


def steps(daemon: Daemon) -> list[float]:
    found = re.findall(r'event=clock_stepped seconds="?([-\d.]+)', daemon.log)
    return [float(each) for each in found]


def wait_for_step(daemon: Daemon, number: int) -> None:
    wait_for(
        lambda: len(steps(daemon)) >= number, "the step is noticed", details=lambda: daemon.log
    )
