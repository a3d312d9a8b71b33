"""Completion in the real bash, zsh and fish."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import PROGRAM, run
from tests.support.processes.shells import Terminal, shell

pytestmark = pytest.mark.slow  # test_candidates has all that the shells are told

README = Path(__file__).parents[4] / "README.md"

#: How each shell is started without anything of its user, and completes from then on.
BEGIN = {
    "bash": ("--norc --noprofile -i", "PS1='$ '; source ./completion; echo ready\n"),
    "zsh": (
        "-f -i",
        "PS1='$ '; autoload -Uz compinit; compinit -u -D; source ./completion; echo ready\n",
    ),
    "fish": (
        "--no-config -i",
        "function fish_prompt; echo '$ '; end; source ./completion; echo ready\n",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("sources:\n  chats: {}\n  practice_calls: {}\n")
    (tmp_path / "other.yaml").write_text("sources: {others: {}}\n")
    return tmp_path


def environment_of(folder: Path) -> dict[str, str]:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        "PATH": path,
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }


@pytest.fixture(params=BEGIN)
def interactive(request: pytest.FixtureRequest, folder: Path) -> Iterator[Terminal]:
    """A shell that has read the script which the command prints."""
    name = request.param
    arguments, first = BEGIN[name]
    done = run("completion", name, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "completion").write_text(done.stdout)
    command = [shell(name), *arguments.split()]
    with Terminal(command, folder=folder, env=environment_of(folder)) as terminal:
        terminal.read_until(r"[$#%>] ")
        terminal.type(first)
        terminal.read_until(r"[\r\n]ready\r?\n")
        yield terminal


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("session-exporter orp\t", r"session-exporter orphans "),
        ("session-exporter recover pr\t", r"recover practice_calls "),
        ("session-exporter orphans -c other.yaml o\t", r"-c other\.yaml others "),
        ("session-exporter orphans --config.file=other.yaml o\t", r"other\.yaml others "),
        ("session-exporter orphans --form\t", r"--format "),
        ("session-exporter orphans --format=j\t", r"--format=json "),
        ("session-exporter check -c oth\t", r"check -c other\.yaml"),
        ("session-exporter check --config.file=oth\t", r"--config\.file=other\.yaml"),
        (f"{PROGRAM.parent}/session-exporter orp\t", r"session-exporter orphans "),
    ],
)
def test_a_word_is_completed(interactive: Terminal, typed: str, shown: str) -> None:
    interactive.type(typed)
    interactive.read_until(shown, seconds=20)


def test_several_words_are_offered(interactive: Terminal) -> None:
    interactive.type("session-exporter orphans \t\t")
    interactive.read_until("chats +practice_calls|practice_calls +chats", seconds=20)


def test_a_config_file_that_is_no_yaml_prints_nothing(interactive: Terminal, folder: Path) -> None:
    (folder / "config.yaml").write_text("sources: [\n")
    interactive.type("session-exporter orphans p\t")
    interactive.type("X")
    seen = interactive.read_until(r"p\W*X", seconds=20)
    assert "error" not in seen.lower()
    assert "yaml" not in seen


@pytest.mark.parametrize("name", BEGIN)
def test_the_script_is_read_without_a_word(name: str, folder: Path) -> None:
    """As a login shell does, which is no terminal."""
    (folder / "completion").write_text(run("completion", name, folder=folder).stdout)
    begin = "autoload -Uz compinit; compinit -u -D; " if name == "zsh" else ""
    done = subprocess.run(
        [shell(name), "-c", f"{begin}source ./completion"],
        cwd=folder,
        env=environment_of(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def lines_of_readme() -> list[str]:
    """The lines that install the scripts."""
    text = README.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    first = lines.index("mkdir -p ~/.local/share/bash-completion/completions")
    last = next(number for number, line in enumerate(lines) if line.endswith("_session-exporter"))
    return lines[first : last + 1]


def test_the_lines_of_the_readme_install_the_scripts_where_there_was_no_folder(
    tmp_path: Path,
) -> None:
    environment = {
        key: value for key, value in environment_of(tmp_path).items() if "XDG" not in key
    }
    script = "set -e\n" + "\n".join(lines_of_readme())
    subprocess.run(["/bin/sh", "-c", script], env=environment, cwd=tmp_path, check=True, timeout=60)
    written = {
        "bash": ".local/share/bash-completion/completions/session-exporter",
        "fish": ".config/fish/completions/session-exporter.fish",
        "zsh": ".zfunc/_session-exporter",
    }
    for name, path in written.items():
        assert (tmp_path / path).read_text(encoding="utf-8") == run(
            "completion", name, folder=tmp_path
        ).stdout


def test_zsh_completes_with_the_file_that_the_readme_has_written(folder: Path) -> None:
    (folder / ".zfunc").mkdir()
    script = run("completion", "zsh", folder=folder).stdout
    (folder / ".zfunc" / "_session-exporter").write_text(script, encoding="utf-8")
    with Terminal(
        [shell("zsh"), "-f", "-i"], folder=folder, env=environment_of(folder)
    ) as terminal:
        terminal.read_until(r"[$#%>] ")
        terminal.type(
            "PS1='$ '; fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit -u -D; echo ready\n"
        )
        terminal.read_until(r"[\r\n]ready\r?\n")
        terminal.type("session-exporter recover pr\t")
        terminal.read_until(r"recover practice_calls ", seconds=20)
