"""The exporters that `peers` compares: how each is found, configured, started and ended."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import many_sources
from benchmarks.support import machine

EVERY = 2
"""Seconds between two collections of a source."""
FACTS = """\
count(*) AS active, count(*) FILTER (WHERE session_start < now() - interval '2 hours') AS orphaned,
extract(epoch FROM min(session_start))::float8 AS oldest"""
QUERY = "SELECT {columns} FROM public.conversations WHERE is_active"
SAMPLE = re.compile(rb"^[a-z]", re.MULTILINE)
READY_SECONDS = 20.0


def our_config(dsn: str, sources: int, _: int) -> str:
    """The config of session-exporter."""
    entries = [many_sources.SOURCE.format(number=each, database=0) for each in range(sources)]
    text = f'databases:\n  app_0: {{dsn: "{dsn}"}}\nsources:\n{"".join(entries)}'
    return text.replace("every: 10s", f"every: {EVERY}s")


def query_exporter_config(dsn: str, sources: int, constants: int) -> str:
    """A query for each source, which gives its name as a label; one connection, its default."""
    names, columns = _columns(constants)
    lines = [f'databases:\n  app: {{dsn: "{dsn.replace("://", "+psycopg://")}"}}', "metrics:"]
    lines += [f"  sessions_{name}: {{type: gauge, labels: [source]}}" for name in names]
    lines += ["queries:"]
    renamed = re.sub(r"AS (\w+)", r"AS sessions_\1", columns)
    for number in range(sources):
        sql = QUERY.format(columns=f"'sessions_{number}' AS source, {renamed}")
        listed = ", ".join(f"sessions_{name}" for name in names)
        lines += [f"  sessions_{number}:\n    interval: {EVERY}\n    databases: [app]"]
        lines += [f"    metrics: [{listed}]", f"    sql: {_flat(sql)}"]
    return "\n".join(lines)


def sql_exporter_config(dsn: str, sources: int, constants: int) -> str:
    """A metric with its query for each source; scrapes within an interval get the same values."""
    names, columns = _columns(constants)
    lines = [f"global: {{min_interval: {EVERY * 900}ms}}", "target:", "  collectors: [sessions]"]
    lines += [f'  data_source_name: "{dsn}?sslmode=disable"', "collectors:"]
    lines += ["  - collector_name: sessions\n    metrics:"]
    for number in range(sources):
        lines += [f"      - metric_name: sessions_{number}\n        type: gauge"]
        lines += ["        help: Facts of one source.\n        value_label: fact"]
        lines += [f"        values: [{', '.join(names)}]"]
        lines += [f"        query: {_flat(QUERY.format(columns=columns))}"]
    return "\n".join(lines)


def _columns(constants: int) -> tuple[list[str], str]:
    """The names of the facts and of further constants, and SQL for them."""
    names = [f"constant_{number}" for number in range(constants)]
    return ["active", "orphaned", "oldest", *names], ", ".join(
        [FACTS, *(f"0 AS {name}" for name in names)]
    )


def _flat(sql: str) -> str:
    """As a plain value of YAML on one line; for SQL without quotes of YAML, `: ` and ` #`."""
    return " ".join(sql.split())


@dataclass(frozen=True, slots=True)
class Program:
    """An exporter: how to find it, configure it and start it."""

    name: str
    config: Callable[[str, int, int], str]
    """From the DSN, the number of sources and the number of constants."""
    arguments: tuple[str, ...]
    fact: str
    """How the sample of an active count begins."""
    variable: str = ""
    """The environment variable with its path, if it is not in PATH."""
    package: str = ""
    """What to install to get it."""
    at_scrape: bool = False
    """Whether it collects when it is scraped."""

    def find(self) -> str | None:
        """Its path, or none after a sentence about how to get it."""
        found = shutil.which(os.environ.get(self.variable, self.name))
        if found is None:
            print(f"{self.name} is not installed and not measured. Install {self.package},", end="")
            print(f" and set {self.variable} to its path if it is not in PATH.")
        return found


OURS = Program(
    "session-exporter",
    our_config,
    ("run", "-c", "{config}", "--web.listen-address", "127.0.0.1:{port}"),
    "sessions_active{",
)
PEERS = (
    Program(
        "query-exporter",
        query_exporter_config,
        ("--host", "127.0.0.1", "--port", "{port}", "-L", "error", "--config", "{config}"),
        "sessions_active{",
        variable="QUERY_EXPORTER",
        package="the Python packages query-exporter and psycopg[binary]",
    ),
    Program(
        "sql_exporter",
        sql_exporter_config,
        ("-config.file", "{config}", "-web.listen-address", "127.0.0.1:{port}"),
        r"sessions_\d+{.*active",
        variable="SQL_EXPORTER",
        package="cmd/sql_exporter of the Go module github.com/burningalchemist/sql_exporter",
        at_scrape=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """An exporter that has collected every source once."""

    pid: int
    url: str

    def scrape(self) -> bytes:
        """The page, uncompressed."""
        with urllib.request.urlopen(self.url, timeout=READY_SECONDS) as answer:
            return bytes(answer.read())

    def samples(self) -> int:
        """How many samples the page has."""
        return len(SAMPLE.findall(self.scrape()))


@contextmanager
def running(
    program: Program, path: str, dsn: str, sources: int, constants: int = 0
) -> Iterator[Running]:
    """Start it on one core, and end it after the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config, log = Path(folder) / "config.yml", Path(folder) / "log"
        config.write_text(program.config(dsn, sources, constants), encoding="utf-8")
        command = [path, *(each.format(config=config, port=port) for each in program.arguments)]
        with log.open("wb") as file, machine.pinned(first=True):
            process = subprocess.Popen(command, stdout=file, stderr=file)
        started = Running(process.pid, f"http://127.0.0.1:{port}/metrics")
        fact = re.compile(b"^" + program.fact.encode(), re.MULTILINE)
        deadline = time.monotonic() + READY_SECONDS
        try:
            while not _ready(started, fact, sources):
                if process.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise RuntimeError(f"{program.name} serves no {sources} sources:\n{said}")
                time.sleep(0.2)
            yield started
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(started: Running, fact: re.Pattern[bytes], sources: int) -> bool:
    try:
        return len(fact.findall(started.scrape())) >= sources
    except OSError:  # it does not listen yet, or answers with an error
        return False
