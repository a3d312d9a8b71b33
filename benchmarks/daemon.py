"""The daemon: how soon it has a first sample, how big it is, and how much that grows.

The budgets: 1.5 s from the start to the first sample; at most 65 MB resident with 3 sources, flat
over 10,000 collections.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.support import machine, programs, servers
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import create_empty

#: The sources of the documented example, collected as often as may be.
CONFIG = """\
databases:
  app: {{dsn: "{dsn}"}}
defaults: {{every: {every}, daily: {{days: 7, every: 5m, timeout: 30s}}}}
sources:
  conversations:
    table: conversations.conversation_sessions
    active: is_active
    started_at: session_start
    ended_at: session_end
    duration: duration_seconds
    id: session_id
    orphaned_after: 2h
  coaching:
    table: coaching.roleplay_sessions
    active: |
      status = 'in_progress'
    started_at: started_at
    ended_at: ended_at
    id: id
    orphaned_after: 10m
  training:
    table: training.roleplay_sessions
    active: |
      "completedAt" IS NULL
    started_at: createdAt
    ended_at: completedAt
    duration: duration
    timestamps_in: UTC
    id: id
    orphaned_after: 30m
"""
SAMPLE = re.compile(rb"^sessions_active\{", re.MULTILINE)


class Daemon:
    """`session-exporter run`, from entering to leaving the `with` block."""

    def __init__(self, config: Path) -> None:
        self._log = config.with_name("daemon.log")
        self._command: list[str | Path] = [programs.PROGRAM, "run", "-c", config]
        self._command += ["--web.listen-address", "127.0.0.1:0"]
        self._address = ""

    def __enter__(self) -> "Daemon":
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def scrape(self, encoding: str = "identity") -> bytes:
        """The page, or nothing while there is none."""
        if not self._address:
            found = re.search(r'event=started address="(\S+)"', self._log.read_text())
            if found is None:
                return b""
            self._address = found[1].removeprefix("http://")
        request = urllib.request.Request(
            f"http://{self._address}/metrics", headers={"accept-encoding": encoding}
        )
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    def resident_mb(self) -> float:
        """Its memory now, in millions of bytes (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0


def write_config(folder: Path, dsn: str, every: str) -> Path:
    """The config file, in a folder where the log can be too."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(dsn=dsn, every=every), encoding="utf-8")
    return path


def seconds_to_first_sample(folder: Path, dsn: str) -> float:
    """From the start of the process until a scrape has a count of sessions."""
    begun = time.perf_counter()
    with Daemon(write_config(folder, dsn, "30s")) as daemon:
        while not SAMPLE.search(daemon.scrape()):
            time.sleep(0.005)
        return time.perf_counter() - begun


def watch_memory(folder: Path, database: EmbeddedDatabase, collections: int) -> None:
    """Print the resident memory after some collections, and after all of them."""
    with Daemon(write_config(folder, database.dsn, "10ms")) as daemon:
        milestones = [collections // 100, collections // 2, collections]
        begun = _transactions(database)
        for milestone in milestones:
            while _transactions(database) - begun < milestone:
                daemon.scrape()
                time.sleep(0.2)
            print(f"after {milestone} collections: {daemon.resident_mb():.1f} MB", flush=True)


def _transactions(database: EmbeddedDatabase) -> int:
    """How many transactions have ended there: each collection is one."""
    with EmbeddedDatabase(database.server, "postgres").connect() as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = %s", (database.name,)
        ).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Measure the start several times, then let it collect."""
    parser = argparse.ArgumentParser(prog="benchmarks.daemon", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--collections", type=int, default=10_000)
    options = parser.parse_args()
    print(f"3 sources, empty tables; {machine.described()}", flush=True)
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        ours = create_empty(database.server, "bench")
        starts = [seconds_to_first_sample(Path(folder), ours.dsn) for _ in range(options.repeats)]
        print(
            f"start to first sample: {statistics.median(starts):.2f} s, at most {max(starts):.2f} s"
        )
        watch_memory(Path(folder), ours, options.collections)


if __name__ == "__main__":
    main()
