"""Which words complete a command line."""

from pathlib import Path

import pytest

from exporter.cli import completion
from exporter.cli.app.table import COMMANDS
from exporter.cli.completion.candidates import complete


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sources in the default place, others in a file that has to be named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SESSION_EXPORTER_CONFIG", raising=False)
    (tmp_path / "config.yaml").write_text("sources: {chats: {}, calls: {}}\n")
    (tmp_path / "other file.yaml").write_text("sources: {others: {}}\n")
    return tmp_path / "other file.yaml"


def words(*line: str, joins: bool = False) -> list[str]:
    found = complete(line, joins=joins)
    assert found is not None
    return [word for word, _ in found]


def test_the_first_word_is_a_command() -> None:
    assert words("") == words() == list(COMMANDS)
    assert words("re") == ["recover", "resume"]
    assert words("frobnicate") == []


def test_a_group_has_commands_of_its_own() -> None:
    assert words("sql", "o") == ["orphans"]
    assert words("sql", "orphans", "") == ["chats", "calls"]


@pytest.mark.parametrize(
    "line",
    [
        ("orphans",),
        ("orphans", "--limit", "5", "--format", "json"),
        ("orphans", "--format=json", "--blocked"),
        ("recover", "--yes", "--id", "4711", "--reason", "a -c b"),
        ("sql", "close", "--id", "4711"),
    ],
)
def test_a_source_is_completed_wherever_the_options_stand(line: tuple[str, ...]) -> None:
    assert words(*line, "") == ["chats", "calls"]
    assert words(*line, "ca") == ["calls"]


def test_after_the_source_there_are_options() -> None:
    assert set(words("recover", "chats", "")) >= {"--yes", "--limit", "--help"}
    assert words("recover", "chats", "--des") == ["--despite-brake"]
    assert "chats" not in words("once", "")


def test_the_config_file_that_the_line_names_has_the_sources(config: Path) -> None:
    assert words("orphans", "-c", str(config), "") == ["others"]
    assert words("orphans", f"--config.file={config}", "") == ["others"]
    assert words("orphans", "-c", f"'{config}'", "") == ["others"]
    assert words("orphans", "-c", str(config).replace(" ", "\\ "), "") == ["others"]
    assert words("orphans", "-c", "gone.yaml", "") == []


def test_the_config_file_of_the_environment_is_used(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_EXPORTER_CONFIG", str(config))
    assert words("orphans", "") == ["others"]


def test_a_file_in_the_home_is_found(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(config.parent))
    assert words("orphans", "-c", "~/other\\ file.yaml", "") == ["others"]
    assert words("orphans", "-c", '"$HOME/other file.yaml"', "") == ["others"]


def test_the_value_of_an_option_is_completed() -> None:
    assert words("orphans", "--format", "") == ["table", "json"]
    assert words("orphans", "--format=j") == ["--format=json"]
    assert words("completion", "") == ["bash", "zsh", "fish"]
    assert words("orphans", "--limit", "") == words("orphans", "--frobnicate=") == []


def test_a_file_is_left_to_the_shell() -> None:
    assert complete(["orphans", "-c", ""]) is None
    assert complete(["orphans", "--config.file=a"]) is None


def test_bash_has_an_equals_sign_as_a_word() -> None:
    assert words("orphans", "--format", "=", "j", joins=True) == ["json"]
    assert words("orphans", "--format", "=", joins=True) == ["table", "json"]
    assert words("orphans", "--format", "=", "json", "c", joins=True) == ["chats", "calls"]
    config = ("--config.file", "=", "other\\ file.yaml")
    assert words("orphans", *config, "", joins=True) == ["others"]


@pytest.mark.parametrize(
    "line",
    [("frobnicate", ""), ("sql", "frobnicate", ""), ("--", "-"), ("'", '"', "$("), ("\udc80",)],
)
def test_nonsense_is_no_error(line: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    completion.print_completions("bash", words=line)
    assert capsys.readouterr().err == ""


def test_whatever_goes_wrong_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "stat", lambda *_, **__: 1 // 0)
    completion.print_completions("zsh", words=["orphans", ""])
    assert capsys.readouterr() == ("", "")


def test_a_shell_gets_a_word_and_its_description_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    completion.print_completions("fish", words=["orp"])
    assert capsys.readouterr().out == f"orphans\t{COMMANDS['orphans'].summary}\n"
    completion.print_completions("fish", words=["orphans", "-c", ""])
    assert capsys.readouterr().out == "files\n"
