"""`run --log.level`: which lines are written."""

import json
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    Daemon,
    run,
    start,
    wait_for,
    write_config,
)

pytestmark = pytest.mark.slow  # test_logs has the lines of the default level


@pytest.fixture
def out_of_reach(tmp_path: Path) -> Path:
    return write_config(tmp_path, {"app": {"dsn": "host=127.0.0.1 port=1"}}, {"c": CONVERSATIONS})


def test_debug_has_a_line_for_each_collection(config: Path, tmp_path: Path) -> None:
    options = ("--log.level", "debug", "--log.format", "json")
    with Daemon(config, folder=tmp_path, options=options) as daemon:
        daemon.wait_until_ready()
        lines = [json.loads(line) for line in daemon.log.splitlines()]
    collected = [line for line in lines if line["event"] == "collected"]
    assert {line["collector"] for line in collected} == {"active", "daily", "size"}
    assert {line["level"] for line in collected} == {"DEBUG"}
    assert all(line["seconds"] >= 0 and line["next_in"] > 0 for line in collected)


def test_the_default_has_none(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        assert "event=collection_succeeded" in daemon.log
        assert "event=collected" not in daemon.log


def test_a_failed_collection_is_a_warning_and_the_start_is_not(
    out_of_reach: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    arguments = ["run", "-c", str(out_of_reach), "--web.listen-address", "127.0.0.1:0"]
    process = start([*arguments, "--log.level", "warning"], folder=tmp_path, log=log)
    try:
        wait_for(lambda: "event=collection_failed" in log.read_text(), "the failure is logged")
    finally:
        process.kill()
        process.wait()
    assert "event=started" not in log.read_text()


def test_another_level_is_wrong_usage(tmp_path: Path) -> None:
    done = run("run", "--log.level", "loud", folder=tmp_path)
    assert done.returncode == 2
    assert "'loud' is not one of 'debug', 'info', 'warning', 'error'" in done.stderr
