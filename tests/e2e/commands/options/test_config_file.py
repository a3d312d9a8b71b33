"""Where the config file is looked for, and what is said where there is none."""

import shutil
from pathlib import Path

import pytest

from exporter.cli import config_path
from exporter.cli.app.table import COMMANDS
from tests.support.processes.session_exporter import CONVERSATIONS, run, write_config

pytestmark = pytest.mark.slow  # starts every command; test_bad_input has a file that is missing

#: With what a command needs to get as far as its config file. `sql audit` does without one.
READING_IT = {
    "run": (),
    "check": (),
    "once": (),
    "orphans": (),
    "inconsistent": (),
    "runs": (),
    "recover": ("c",),
    "close": ("c", "--all"),
    "undo": ("0b6d2f1e",),
    "pause": ("c",),
    "resume": ("c",),
    "sql index": ("c",),
    "sql role": (),
    "sql function": ("c",),
    "sql orphans": ("c",),
    "sql inconsistent": ("c",),
    "sql close": ("c",),
}
WITHOUT = {"init", "schema", "demo", "sql", "completion", "content"}


@pytest.fixture
def named(tmp_path: Path) -> Path:
    return write_config(tmp_path, {"app": {"dsn": "host=127.0.0.1 port=1"}}, {"c": CONVERSATIONS})


@pytest.mark.parametrize("words", READING_IT)
def test_a_command_that_finds_no_config_file_says_where_it_looked(
    words: str, tmp_path: Path
) -> None:
    done = run(*words.split(), *READING_IT[words], folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "session-exporter: there is no config file: looked for config.yaml in this directory and "
        f"for {config_path.SYSTEM_CONFIG}; name one with --config.file or "
        "$SESSION_EXPORTER_CONFIG, or write one with `session-exporter init`\n"
    )


def test_each_command_is_tested_or_reads_no_config_file() -> None:
    assert {words.split()[0] for words in READING_IT} | WITHOUT == set(COMMANDS)


def test_the_option_is_preferred_to_the_environment(named: Path, tmp_path: Path) -> None:
    done = run("check", "-c", named, folder=tmp_path, SESSION_EXPORTER_CONFIG="other.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{named} is valid ")


def test_the_environment_is_preferred_to_the_file_in_the_directory(
    named: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("neither\n")
    done = run("check", folder=tmp_path, SESSION_EXPORTER_CONFIG=str(named))
    assert done.returncode == 0
    assert done.stdout.startswith(f"{named} is valid ")


def test_a_variable_that_is_empty_names_nothing(named: Path, tmp_path: Path) -> None:
    shutil.copy(named, tmp_path / "config.yaml")
    done = run("check", folder=tmp_path, SESSION_EXPORTER_CONFIG="")
    assert done.stdout.startswith("config.yaml is valid ")


def test_a_file_that_the_variable_names_and_that_is_missing_is_an_error(tmp_path: Path) -> None:
    done = run("check", folder=tmp_path, SESSION_EXPORTER_CONFIG="gone.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "session-exporter: gone.yaml: there is no such file, which $SESSION_EXPORTER_CONFIG names\n"
    )


def test_the_option_names_one_file_alone(tmp_path: Path) -> None:
    done = run("check", "-c", "config.yaml", folder=tmp_path)
    assert done.returncode == 1
    assert "config.yaml: there is no such file; docs/configuration.md" in done.stderr


def test_the_file_of_the_system_is_the_last_choice(
    named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(config_path.VARIABLE, raising=False)
    monkeypatch.setattr(config_path, "SYSTEM_CONFIG", named)
    assert config_path.find_config(None) == named
    (tmp_path / "config.yaml").touch()
    assert config_path.find_config(None) == Path("config.yaml")


def test_a_file_that_may_not_be_read_is_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command then says why it cannot be read."""
    (tmp_path / "config.yaml").symlink_to("config.yaml")  # a loop: stat() fails, as without rights
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(config_path.VARIABLE, raising=False)
    assert config_path.find_config(None) == Path("config.yaml")
    done = run("check", folder=tmp_path)
    assert "config.yaml: cannot be read: Too many levels of symbolic links" in done.stderr
