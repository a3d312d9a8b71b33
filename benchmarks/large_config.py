"""A thousand sources: loading their config, a compressed scrape, memory; and the start of commands.

The budgets: a compressed scrape in 80 ms, 100 MB resident also once scraped, and 0.25 s for
`--version` and `check`. All sources read one small table, so that little time goes to PostgreSQL.
"""

import argparse
import functools
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.daemon import Daemon
from benchmarks.support import machine, programs, servers
from exporter.demo.systems.schemas import create_empty

SOURCE = """\
  chats_{number}:
    table: conversations.conversation_sessions
    active: is_active
    started_at: session_start
    ended_at: session_end
    duration: duration_seconds
    id: session_id
    orphaned_after: 2h
"""
#: Loads a config, and prints the seconds of processor time that it took.
LOADER = """\
import pathlib, sys, time
from exporter.config import load_config
begun = time.process_time()
load_config(pathlib.Path(sys.argv[1]))
print(time.process_time() - begun)
"""


def write_config(folder: Path, dsn: str, sources: int) -> Path:
    """The config file, in a folder where the log can be too."""
    path = folder / "config.yaml"
    with path.open("w", encoding="utf-8") as file:
        file.write(f'databases:\n  app: {{dsn: "{dsn}", max_connections: 2}}\n')
        file.write("defaults: {every: 10s}\nsources:\n")
        file.writelines(SOURCE.format(number=number) for number in range(sources))
    return path


def loading_seconds(config: Path) -> float:
    """Seconds of processor time to read the config, in a new process."""
    command: list[str | Path] = [sys.executable, "-c", LOADER, config]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def starting_seconds(arguments: list[str]) -> float:
    """Seconds from the start of a command to its end."""
    return programs.run(*arguments).seconds


def median_of(repeats: int, measure: Callable[[], float]) -> str:
    """The median and the range of several measurements."""
    found = [measure() for _ in range(repeats)]
    return f"{statistics.median(found):.3f} s, {min(found):.3f} to {max(found):.3f}"


def watch_daemon(config: Path, sources: int, repeats: int) -> None:
    """Print how long compressed scrapes take, a second apart, and the memory behind them."""
    with Daemon(config) as daemon:

        def page() -> bytes:
            time.sleep(1)  # so that it has changed
            return gzip.decompress(daemon.scrape("gzip") or gzip.compress(b""))

        def seconds() -> float:
            time.sleep(1)
            begun = time.perf_counter()
            daemon.scrape("gzip")
            return time.perf_counter() - begun

        while page().count(b"\nsessions_rows_estimated{") < sources:
            pass
        print(f"compressed scrape: {median_of(repeats, seconds)}", flush=True)
        print(f"resident once scraped: {daemon.resident_mb():.0f} MB")
        print(
            f"page: {len(page()) / 1e6:.1f} MB, {len(daemon.scrape('gzip')) / 1e6:.2f} compressed"
        )


def main() -> None:
    """Measure each of them several times."""
    parser = argparse.ArgumentParser(prog="benchmarks.large_config", description=__doc__)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.sources} sources; {machine.described()}", flush=True)
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        ours = create_empty(database.server, "bench")
        small = write_config(Path(folder), ours.dsn, 4)
        for arguments in (["--version"], ["check", "-c", str(small)]):
            start = functools.partial(starting_seconds, arguments)
            print(f"{arguments[0]}: {median_of(options.repeats, start)}", flush=True)
        config = write_config(Path(folder), ours.dsn, options.sources)
        print(f"load the config: {median_of(5, lambda: loading_seconds(config))} of processor time")
        watch_daemon(config, options.sources, options.repeats)


if __name__ == "__main__":
    main()
