"""What figures depend on, in one line."""

import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def described() -> str:
    """Cores and the language's version; no name of a host."""
    return f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def processor_seconds(processes: Iterable[int]) -> float:
    """Processor time of these processes so far, with all their threads (Linux)."""
    spent = 0.0
    for pid in processes:
        try:
            spent += time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) gives
        except OSError:  # one that has just ended
            continue
    return spent


@contextmanager
def pinned(*, first: bool) -> Iterator[None]:
    """What is started in the block runs on the first core, or on the others if there are any."""
    cores = os.sched_getaffinity(0)
    alone = {min(cores)}
    os.sched_setaffinity(0, alone if first else cores - alone or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
