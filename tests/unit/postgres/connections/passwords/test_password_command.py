"""PasswordCommand: when it is run again, and what is said where it fails."""

import asyncio
import logging
from pathlib import Path

import pytest

from exporter.errors import AuthFailed, PasswordUnavailable
from exporter.postgres.connections.passwords.password_command import (
    PasswordCommand,
    shared_command,
)

pytestmark = pytest.mark.slow  # each starts processes


class Script:
    """A command that prints what a file holds, fails without it, and counts its runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "token"
        self._runs = folder / "runs"
        self._runs.touch()
        text = f"echo begun >>{self._runs}; sleep 0.05; echo ended >>{self._runs}; cat {self.file}"
        self.argv = ("sh", "-c", text, "hunter2")

    def prints(self, token: str) -> None:
        self.file.write_text(token)

    @property
    def runs(self) -> list[str]:
        return self._runs.read_text().split()

    @property
    def count(self) -> int:
        return self.runs.count("begun")


@pytest.fixture
def script(tmp_path: Path) -> Script:
    script = Script(tmp_path)
    script.prints("first\n")
    return script


def command(script: Script, lifetime: float) -> PasswordCommand:
    return PasswordCommand("app", script.argv, lifetime=lifetime, timeout=10)


def grow_older(asked: PasswordCommand, seconds: float) -> None:
    """As if that time had passed."""
    assert asked._begun_at is not None
    asked._begun_at -= seconds


async def test_within_two_thirds_of_its_lifetime_a_password_is_not_asked_for_again(
    script: Script,
) -> None:
    asked = command(script, 60)
    assert [await asked.password() for _ in range(5)] == ["first"] * 5
    assert script.count == 1


async def test_after_two_thirds_of_its_lifetime_it_is_renewed(script: Script) -> None:
    asked = command(script, 900)
    assert await asked.password() == "first"
    script.prints("second\n")
    grow_older(asked, 590)
    assert await asked.password() == "first"
    grow_older(asked, 10)
    assert await asked.password() == "second"
    assert script.count == 2


async def test_while_the_command_fails_a_password_serves_to_the_end_of_its_lifetime(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    asked = command(script, 900)
    assert await asked.password() == "first"
    script.file.unlink()
    grow_older(asked, 700)
    with caplog.at_level(logging.WARNING):
        assert [await asked.password() for _ in range(2)] == ["first"] * 2
    assert [each.message for each in caplog.records] == ["password_not_renewed"]
    assert "hunter2" not in str([vars(each) for each in caplog.records])
    grow_older(asked, 200)
    with pytest.raises(PasswordUnavailable):
        await asked.password()


async def test_it_runs_once_at_a_time_and_those_who_waited_have_its_password(
    script: Script,
) -> None:
    asked = command(script, 60)
    assert await asyncio.gather(*(asked.password() for _ in range(9))) == ["first"] * 9
    assert script.count == 1
    script.file.unlink()
    failing = command(script, 60)
    answers = await asyncio.gather(*(failing.password() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in answers] == [PasswordUnavailable] * 3
    assert script.runs == ["begun", "ended"] * 4


async def test_a_refused_password_is_asked_for_once_more_for_all_who_were_refused(
    script: Script,
) -> None:
    asked = command(script, 60)
    assert await asked.password() == "first"
    script.prints("second\n")
    answers = await asyncio.gather(*(asked.after_refusal("first") for _ in range(3)))
    assert answers == ["second"] * 3
    assert script.count == 2
    assert await asked.after_refusal("second") is None  # it prints the same: not tried again
    assert script.count == 3


async def test_after_a_refusal_a_command_that_fails_is_the_cause(script: Script) -> None:
    asked = command(script, 60)
    await asked.password()
    script.file.unlink()
    with pytest.raises(PasswordUnavailable, match="exit code 1"):
        await asked.after_refusal("first")


@pytest.mark.parametrize(
    ("printed", "password"),
    [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), (" a \n\n", " a \n"), ("pä§", "pä§")],
)
async def test_the_password_is_what_it_prints_without_the_last_line_break(
    script: Script, printed: str, password: str
) -> None:
    script.file.write_bytes(printed.encode())
    assert await command(script, 60).password() == password


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (b"", "it printed nothing"),
        (b"\n", "it printed nothing"),
        (b"hunter2\xff", "it printed something that is not UTF-8 text"),
        (b"hunter2\0", "it printed a zero byte"),
    ],
)
async def test_output_that_can_be_no_password_is_an_auth_failure_that_does_not_show_it(
    script: Script, printed: bytes, said: str
) -> None:
    script.file.write_bytes(printed)
    with pytest.raises(PasswordUnavailable) as error:
        await command(script, 60).password()
    assert str(error.value) == (
        f"password_command for database app: {said}; "
        "run it by hand as the same user to see what it says"
    )
    assert error.value.reason == AuthFailed.reason
    assert "hunter2" not in f"{error.value!r} {error.value.__cause__!r}"


async def test_all_who_connect_alike_share_one_command_while_there_is_one(script: Script) -> None:
    first = shared_command("app", script.argv, lifetime=60, timeout=10)
    assert shared_command("app", script.argv, lifetime=60, timeout=10) is first
    assert shared_command("other", script.argv, lifetime=60, timeout=10) is not first
    assert shared_command("app", ("sh",), lifetime=60, timeout=10) is not first
