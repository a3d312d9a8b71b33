"""session-exporter as a process: what it says, how long it takes, and how big it gets."""

import os
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sysconfig.get_path("scripts")) / "session-exporter"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended well."""

    seconds: float
    peak_mib: float
    """The most memory that was resident at once."""
    output: str


def run(*arguments: str | Path) -> Ended:
    """Run a command to its end; raises RuntimeError with what it said if it fails."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"session-exporter {arguments[0]} failed:\n{said}")
    return Ended(seconds, usage.ru_maxrss / 1024, said)
