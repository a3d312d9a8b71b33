"""How long recovery held row locks, by the server's own log of every statement's duration.

With `log_duration` and the prefix below PostgreSQL writes a line when a statement has ended. No row
is locked before the statement that locks begins, nor after the COMMIT has ended, so that the time
in between is an upper bound for every single lock, and none of them is missed.
"""

import re
from collections.abc import Iterator
from pathlib import Path

SETTINGS = {"log_duration": "on", "log_line_prefix": "%p|%n|%i|"}

_LINE = re.compile(r"^(\d+)\|([\d.]+)\|(\w+)[^|]*\|LOG:  duration: ([\d.]+) ms")


def held(log: Path, since: int) -> Iterator[float]:
    """The seconds that each transaction held its locks, from the log's byte `since` on.

    Of a transaction's statements the first sets it up, and the second is the one that locks.
    """
    with log.open("rb") as file:
        file.seek(since)
        lines = file.read().decode(errors="replace").splitlines()
    begun: dict[str, list[float]] = {}
    for process, at, command, duration in (m.groups() for m in map(_LINE.match, lines) if m):
        starts = begun.setdefault(process, [])
        starts.append(float(at) - float(duration) / 1000)
        if command == "COMMIT":
            del begun[process]
            if len(starts) > 1:
                yield float(at) - starts[1]
