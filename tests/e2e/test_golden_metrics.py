"""One whole /metrics page, byte for byte but for what depends on time, beside this file.

After a wanted change: `UPDATE_GOLDEN=1 pytest tests/e2e/test_golden_metrics.py`, and read the diff.
"""

import datetime as dt
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from exporter import __version__
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.metrics.catalog import (
    DISAGREEING,
    EVIDENCE_UP,
    FAMILIES,
    LIVE,
    ORPHANED_BY_CAUSE,
    REPLICA_LAG,
    UNTRACKED,
)
from tests.support.monitoring.families import PROCESS_METRICS
from tests.support.processes.session_exporter import IMPATIENT, Daemon, write_config

GOLDEN = Path(__file__).with_name("golden_metrics.txt")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

PROMTOOL = shutil.which("promtool")

#: Starts, signs of life and ends are told in minutes before now, and it is always about noon (see
#: `zone_where_it_is_noon`), so that what began 200 minutes ago began today.
CALLS = """
    CREATE TABLE public.calls (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, level text, live boolean,
        started timestamptz, seen timestamptz, ended timestamptz, seconds float8, lines integer
    );
    INSERT INTO public.calls (level, live, started, seen, ended, seconds, lines)
    SELECT level, live, now() - make_interval(secs => started * 60),
        now() - make_interval(secs => seen * 60), now() - make_interval(secs => ended * 60),
        seconds, lines
    FROM (VALUES
        -- level, live, started, seen, ended, seconds, lines
        ('easy', true, 200.0, 0.1, NULL, NULL, 3),      -- overlong, and well
        ('easy', true, 3.0, NULL, NULL, NULL, 3),       -- just begun
        ('hard', true, 90.0, 45.0, NULL, NULL, 3),      -- orphaned
        ('hard', true, 1500.0, 1490.0, NULL, NULL, 12), -- orphaned since yesterday, too many lines
        (NULL, true, 20.0, 3.5, 2.0, NULL, 3),          -- has ended, and is still active
        ('what', true, -30.0, NULL, NULL, NULL, 3),     -- begins in half an hour
        ('hard', true, NULL, NULL, NULL, NULL, 3),      -- has no time at all
        ('easy', false, 60.0, 50.0, 40.0, 1200.0, 3),   -- ended: 20 minutes
        ('easy', false, 70.0, 60.0, 60.0, 600.0, 3),    -- ended: 10 minutes
        ('hard', false, 1500.0, NULL, NULL, NULL, 3),   -- ended yesterday, nobody knows when
        ('hard', false, 1510.0, 1490.0, 1500.0, 600.0, 3) -- closed by another, and seen later
    ) AS row (level, live, started, seen, ended, seconds, lines);
    ANALYZE public.calls;
    GRANT SELECT ON public.calls TO session_exporter;
"""

SOURCE: dict[str, Any] = {
    "table": "public.calls",
    "active": "live",
    "started_at": "started",
    "last_seen_at": "seen",
    "ended_at": "ended",
    "duration": "seconds",
    "id": "id",
    "orphaned_after": "30m",
    "overlong_after": "2h",
    "alert_above": 1,
    "objective": "99%",
    "limit_per": {"key": "level", "max": 2},
    "every": "1h",
    "daily": {"days": 3, "every": "1h"},
    "labels": {"level": {"value": "level", "values": ["easy", "hard"]}},
    "integrity": {"too_many_lines": "lines > 10"},
    "recovery": {"mode": "dry_run", "set": {"live": False, "ended": "{end}"}},
}

#: The least that a source can be: no sign of life, no end, no labels, no days, no threshold.
PLAIN: dict[str, Any] = {
    "table": "public.calls",
    "active": "live",
    "started_at": "started",
    "orphaned_after": "1h",
    "alert_above": None,
    "every": "1h",
    "daily": None,
}


@pytest.fixture
def pages(database: EmbeddedDatabase, tmp_path: Path) -> tuple[str, str]:
    """The page of that data in the text format and in OpenMetrics."""
    with database.connect() as connection:
        connection.execute(CALLS.encode())
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    zone = zone_where_it_is_noon(dt.datetime.now(dt.UTC))
    sources = {"calls": {**SOURCE, "timezone": zone}, "plain": PLAIN}
    with Daemon(write_config(tmp_path, {"app": app}, sources), folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        page = daemon.wait_for_page(
            lambda page: page.values("sessions_recovery_paused"),
            "recovery has looked",
        )
        assert all(
            page.succeeds(source, collector=collector)
            for source, collector in (("calls", "active"), ("calls", "daily"), ("plain", "size"))
        )
        return page.text, daemon.get("/metrics", accept=OPENMETRICS).text


def zone_where_it_is_noon(now: dt.datetime) -> str:
    """Where it is between half past eleven and half past twelve; POSIX counts west of Greenwich."""
    hours = 12 - (now + dt.timedelta(minutes=30)).hour
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


def without_time(text: str) -> str:
    """Put a placeholder where a value or label depends on when, or on which machine, it was."""
    dates = sorted(set(re.findall(r'date="([^"]+)"', text)), reverse=True)
    for age, date in enumerate(dates):
        text = text.replace(f'date="{date}"', f'date="<{age} days ago>"')
    text = text.replace(f'version="{__version__}"', 'version="<version>"')
    text = re.sub(r'python="[^"]+"', 'python="<version>"', text)
    text = re.sub(r'hash="[0-9a-f]+"', 'hash="<hash>"', text)
    return "".join(map(_masked, text.splitlines(keepends=True)))


_CHANGING = re.compile(
    r"(?!#)(process_\S+|\S+_timestamp_seconds|session_exporter_collection_duration_seconds"
    r"|session_exporter_(?:database|http)_connections"
    r"|sessions_orphaned_excess_seconds"
    r"|sessions_active_(?:age|silence)_seconds_gsum)(\{.*\})? \S+\n"
)


def _masked(line: str) -> str:
    match = _CHANGING.fullmatch(line)
    return f"{match[1]}{match[2] or ''} <number>\n" if match else line


def test_a_page_is_as_it_was(pages: tuple[str, str]) -> None:
    page = without_time(pages[0])
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


def test_the_golden_page_has_every_family() -> None:
    types = set(re.findall(r"^# TYPE (\S+)", GOLDEN.read_text(), re.MULTILINE))
    only_on_a_standby = {REPLICA_LAG.name}
    only_with_evidence = {
        each.name for each in (ORPHANED_BY_CAUSE, UNTRACKED, DISAGREEING, LIVE, EVIDENCE_UP)
    }
    expected = set(PROCESS_METRICS)
    for family in FAMILIES:
        parts = ("_bucket", "_gcount", "_gsum") if family.type == "gaugehistogram" else ("",)
        expected |= {f"{family.name}{part}" for part in parts}
    missing = only_on_a_standby | only_with_evidence
    assert (expected - types, types - expected) == (missing, set())


def test_both_formats_say_the_same(pages: tuple[str, str]) -> None:
    def samples(text: str) -> Iterator[str]:
        for line in without_time(text).splitlines():
            if not line.startswith("#"):
                yield line

    assert sorted(samples(pages[0])) == sorted(samples(pages[1]))


def test_the_openmetrics_page_parses_strictly(pages: tuple[str, str]) -> None:
    families = {family.name: family for family in openmetrics(pages[1])}
    assert families["sessions_active_silence_seconds"].type == "gaugehistogram"
    assert families["session_exporter_collection_errors"].type == "counter"
    assert families["session_exporter_build"].type == "info"
    for family in families.values():
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None
            assert not sample.name.endswith("_created")


@pytest.mark.skipif(
    PROMTOOL is None and os.environ.get("CI") != "true", reason="promtool is not installed"
)
def test_promtool_has_nothing_to_say(pages: tuple[str, str]) -> None:
    assert PROMTOOL is not None, "promtool is not installed, and CI=true does not do without"
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=pages[0],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
