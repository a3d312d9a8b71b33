"""`check` and `run` warn of a password file that others can read."""

from pathlib import Path

import pytest

from tests.support.processes.session_exporter import CONVERSATIONS, Daemon, run, write_config

SAID = "databases.app.password_file: expected a file that only its user can read, got "


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(0o644)
    app = {"dsn": "host=127.0.0.1 port=1", "password_file": "secret"}
    return write_config(tmp_path, {"app": app}, {"chats": CONVERSATIONS})


def test_check_says_it_and_the_config_is_valid_all_the_same(config: Path) -> None:
    done = run("check", "-c", config, folder=config.parent)
    assert done.returncode == 0
    assert f"! {SAID}" in done.stdout
    (config.parent / "secret").chmod(0o600)
    assert SAID not in run("check", "-c", config, folder=config.parent).stdout


@pytest.mark.slow  # a daemon; the check is the same
def test_run_logs_it_once_at_the_start(config: Path) -> None:
    with Daemon(config, folder=config.parent) as daemon:
        daemon.wait_until_ready()
        assert daemon.log.count("event=password_file_readable") == 1
        assert SAID in daemon.log
        assert "hunter2" not in daemon.log
