"""`password_command`: a list of arguments, instead of password_file, and never shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import Config
from exporter.errors import ConfigError

ONE = "sources: {a: {table: t, active: a, started_at: b, orphaned_after: 2h}}\n"
RECOVERED = """\
databases: {app: {dsn: ''}}
sources:
  a:
    {table: t, active: a, started_at: b, last_seen_at: c, id: d, orphaned_after: 2h,
     recovery: {set: {a: 'false'}, %s}}
"""
SECRET = "hunter2"

WRONG = {
    "one text": "hunter2 --token x",
    "no list": "{hunter2: 1}",
    "an empty list": "[]",
    "an empty program": "['', hunter2]",
    "a number": "[hunter2, 5]",
    "a list": "[hunter2, [hunter2]]",
    "a zero byte": '[x, "hunter2\\0"]',
    "a number alone": "5522",
    "nothing but a variable": "'${PASSWORD}'",
}


@pytest.mark.parametrize("written", WRONG.values(), ids=WRONG)
def test_whatever_is_no_list_of_texts_is_refused_without_being_shown(
    load: Callable[..., Config], written: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(
            f"databases: {{app: {{dsn: '', password_command: {written}}}}}\n" + ONE,
            {"PASSWORD": SECRET},
        )
    said = str(error.value)
    assert "password_command: expected a list of texts, a program and its arguments" in said
    assert SECRET not in said
    assert "5522" not in said


def test_it_is_not_written_beside_a_password_file(
    load: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    text = "databases: {app: {dsn: '', password_file: file, password_command: [hunter2]}}\n"
    with pytest.raises(ConfigError) as error:
        load(text + ONE)
    assert "password_command: expected password_file or password_command, got both" in str(
        error.value
    )
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("key", ["password_command: [hunter2]", "password_file: config.yaml"])
def test_recovery_has_one_only_for_a_dsn_of_its_own(load: Callable[..., Config], key: str) -> None:
    name = key.partition(":")[0]
    with pytest.raises(ConfigError) as error:
        load(RECOVERED % key)
    assert (
        f"sources.a.recovery.{name}: expected dsn beside {name}, got no dsn; "
        "without a dsn of its own, recovery connects as collection does"
    ) in str(error.value)
    recovery = load(RECOVERED % f"dsn: '', {key}").sources["a"].recovery
    assert getattr(recovery, name) is not None


def test_no_representation_shows_it(load: Callable[..., Config]) -> None:
    config = load(
        "databases: {app: {dsn: '', password_command: [sh, '${PASSWORD}']}}\n" + ONE,
        {"PASSWORD": SECRET},
    )
    assert config.databases["app"].password_command == ("sh", SECRET)
    assert SECRET not in f"{config} {config!r} {config.databases['app']!r}"


def test_a_program_with_a_path_is_found_from_the_folder_of_the_file(
    load: Callable[..., Config], tmp_path: Path
) -> None:
    written = "databases: {app: {dsn: '', password_command: [%s, ./argument]}}\n" + ONE
    programs = {
        each: load(written % each).databases["app"].password_command
        for each in ("./token", "aws", "/bin/token")
    }
    here = Path.cwd()
    assert programs == {
        "./token": (str(here / "token"), "./argument"),
        "aws": ("aws", "./argument"),
        "/bin/token": ("/bin/token", "./argument"),
    }
