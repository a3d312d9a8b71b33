"""How often /metrics of the demo can be scraped: 8 connections, one core for the server.

The budget: 20,000 requests a second. The load comes from `wrk`, which has to be installed; on
Linux each of the two gets its own core.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.support import machine, programs

ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)/metrics")
REQUESTS = re.compile(r"Requests/sec:\s+([\d.]+)")
REPEATS = 5


def demo_address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the demo says where it is."""
    while (found := ADDRESS.search(log.read_text(encoding="utf-8"))) is None:
        if process.poll() is not None:
            raise RuntimeError(f"the demo ended:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    return found[1]


def requests_per_second(wrk: str, url: str) -> float:
    """Scrape for 3 seconds; raises RuntimeError if answers failed."""
    command = [wrk, "-t1", "-c8", "-d3", "--timeout", "20s", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = REQUESTS.search(said)
    if found is None or "Non-2xx" in said:
        raise RuntimeError(f"wrk had no good answers:\n{said}")
    return float(found[1])


def main() -> None:
    """Measure several times 3 seconds."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("benchmarks.scraping: wrk is not installed")
    print(f"the demo, 8 connections; {machine.described()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "demo.log"
        with log.open("wb") as file, machine.pinned(first=True):
            process = subprocess.Popen(
                [programs.PROGRAM, "demo", "--web.listen-address", "127.0.0.1:0"],
                stdout=file,
                stderr=file,
            )
        try:
            url = f"http://{demo_address(log, process)}/metrics"
            with machine.pinned(first=False):
                rates = [requests_per_second(wrk, url) for _ in range(REPEATS)]
        finally:
            process.terminate()
            process.wait()
    print(f"{statistics.median(rates):.0f} requests/s, {min(rates):.0f} to {max(rates):.0f}")


if __name__ == "__main__":
    main()
