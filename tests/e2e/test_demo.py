"""The demo as its users have it: one command, real numbers, and nothing left behind."""

import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.demo.example import CONFIG
from exporter.metrics import catalog
from tests.support.monitoring.families import SESSION_FAMILIES
from tests.support.processes.session_exporter import PROGRAM, Page, environment, wait_for

#: Nothing to tell where nobody looks for sessions to close: the demo's config has it disabled.
ONLY_WHILE_RECOVERING = {
    catalog.RECOVERY_BRAKE,
    catalog.RECOVERY_PAUSED,
    catalog.RECOVERY_CANDIDATES,
    catalog.RECOVERY_HELD,
    catalog.RECOVERY_LAST_RUN,
}
#: These take two answers of a list.
AFTER_TWO_ANSWERS = {catalog.UNTRACKED, catalog.DISAGREEING}

#: The demo as a program of its own that reads another config file than the documented one.
WITH_CONFIG = """
import sys
from pathlib import Path

import exporter.demo.example
from exporter.cli import main

exporter.demo.example.CONFIG = Path(sys.argv.pop(1))
main()
"""


@contextmanager
def demo(
    folder: Path, program: Sequence[str | Path] = (PROGRAM,)
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run the demo with a folder of its own for temporary files, where a server would stay."""
    with tempfile.TemporaryDirectory(dir=folder.parents[-2]) as temporary:
        Path(temporary).chmod(0o755)  # the server's user has to get in
        with subprocess.Popen(
            [*program, "demo", "--web.listen-address", "127.0.0.1:0"],
            env=environment(folder, TMPDIR=temporary),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            watchdog = threading.Timer(90, process.kill)
            watchdog.start()
            try:
                yield process, Path(temporary)
            finally:
                watchdog.cancel()
                process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if word in line:
            return text
    raise AssertionError(f"the demo ended without {word!r}:\n{text}")


def quick_config(folder: Path) -> Path:
    """Write the demo's config, with the sources collected every second and not twice a minute.

    And with the limit that is commented out in it, which the demo does not enforce.
    """
    text = CONFIG.read_text(encoding="utf-8")
    quick = text.replace("  every: 30s ", "  every: 1s ").replace("# limit_per:", "limit_per:")
    assert "  every: 1s " in quick
    assert "# limit_per:" not in quick
    path = folder / "config.yaml"
    path.write_text(quick, encoding="utf-8")
    return path


def test_the_demo_shows_every_metric_about_sessions_with_believable_values(tmp_path: Path) -> None:
    program: list[str | Path] = [sys.executable, "-c", WITH_CONFIG, quick_config(tmp_path)]
    with demo(tmp_path, program) as (process, temporary):
        welcome = read_until(process, "The rows behind a number")
        (address,) = {word for word in welcome.split() if word.endswith("/metrics")}

        def page() -> Page:
            with urllib.request.urlopen(address) as response:
                return Page(response.read().decode())

        wait_for(lambda: "sessions_returned_total{" in page().text, "returned sessions are counted")
        first = page()
        served = {name for name in first.text.split() if name.startswith("sessions_")}
        for family in set(SESSION_FAMILIES) - ONLY_WHILE_RECOVERING - AFTER_TWO_ANSWERS:
            suffix = "_bucket" if family.type == "gaugehistogram" else ""
            assert any(each.startswith(family.name + suffix + "{") for each in served), family.name
        assert first.value("sessions_orphaned", source="conversations") == 18
        assert first.value("sessions_orphaned_alert_threshold", source="conversations") == 5
        assert first.value("sessions_overlong", source="training") == 2
        assert first.value("sessions_rows_estimated", source="conversations") == 85
        assert first.value("session_exporter_evidence_up", evidence="role_plays") == 1
        for name in (family.name for family in AFTER_TWO_ANSWERS):
            wait_for(lambda: page().value(name) is not None, name, seconds=30)  # noqa: B023 - at once
        wait_for(
            lambda: (
                page().value("sessions_active", source="coaching")
                != first.value("sessions_active", source="coaching")
            ),
            "traffic moves a number",
            seconds=60,
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert list(temporary.iterdir()) == []


@pytest.mark.slow  # the one above ends by Ctrl-C
def test_a_terminal_that_is_closed_ends_a_demo_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, temporary):
        read_until(process, "The rows behind a number")
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
        assert list(temporary.iterdir()) == []


@pytest.mark.slow  # test_postgres_server has a server that has just begun
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_demo_that_has_just_begun(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path) as (process, temporary):
        read_until(process, "Starting")
        wait_for(lambda: list(temporary.iterdir()), "the server has a folder")
        process.send_signal(number)
        output, _ = process.communicate(timeout=40)
        assert "Traceback" not in output
        assert list(temporary.iterdir()) == []
