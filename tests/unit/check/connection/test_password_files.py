"""Which password files are warned of: those whose readers can be made fewer."""

import os
from pathlib import Path

import pytest

from exporter.check.connection.password_files import password_file_remarks
from exporter.config import load_config

CONFIG = """\
databases: {app: {dsn: '', password_file: secret}}
sources: {a: {table: t, active: a, started_at: b, orphaned_after: 2h}}
"""
#: Not the user of the tests.
SOMEBODY, ROOT = 54_321, 0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    (tmp_path / "secret").touch()
    return path


def remarks(config: Path) -> list[str]:
    return list(password_file_remarks(load_config(config)))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o444, 0o664])
def test_what_every_user_can_read_is_warned_of_whoever_owns_it(config: Path, mode: int) -> None:
    (config.parent / "secret").chmod(mode)
    (remark,) = remarks(config)
    assert remark == (
        "databases.app.password_file: expected a file that only its user can read, got "
        f"{config.parent}/secret, which every user of this machine can read (mode {mode:04o}): "
        "chmod 600, or in Kubernetes defaultMode: 0400 of the volume"
    )


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_what_its_user_alone_can_read_is_well(config: Path, mode: int) -> None:
    (config.parent / "secret").chmod(mode)
    assert remarks(config) == []


@pytest.mark.parametrize(
    ("user", "is_warned_of"), [("own", True), ("root", False), ("other", False)]
)
def test_a_group_is_warned_of_where_the_file_is_our_own(
    config: Path, monkeypatch: pytest.MonkeyPatch, user: str, is_warned_of: bool
) -> None:
    secret = config.parent / "secret"
    secret.chmod(0o640)
    owner = secret.stat().st_uid
    us = {"own": owner or SOMEBODY, "root": ROOT, "other": owner + 1}[user]
    real = Path.stat

    def owned(path: Path, **follow: bool) -> os.stat_result:
        found = real(path, **follow)
        values = list(found)
        values[4] = us if user == "own" else found.st_uid
        return os.stat_result(values)

    monkeypatch.setattr(Path, "stat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: us)
    said = remarks(config)
    assert bool(said) is is_warned_of
    assert not said or "which its group can read (mode 0640)" in said[0]


def test_a_link_as_kubernetes_makes_it_has_the_mode_of_its_file(config: Path) -> None:
    folder = config.parent
    (folder / "..2026_01_01").mkdir()
    (folder / "secret").replace(folder / "..2026_01_01" / "secret")
    (folder / "..data").symlink_to("..2026_01_01")
    (folder / "secret").symlink_to("..data/secret")
    (folder / "secret").chmod(0o400)
    assert remarks(config) == []
    (folder / "secret").chmod(0o644)
    assert "mode 0644" in remarks(config)[0]


def test_that_of_recovery_is_looked_at_too_and_one_that_is_gone_is_not(config: Path) -> None:
    recovery = "id: i, last_seen_at: l, recovery: {dsn: '', password_file: own, set: {a: 'false'}}"
    config.write_text(CONFIG.replace("started_at: b", f"started_at: b, {recovery}"))
    for name in ("secret", "own"):
        (config.parent / name).touch()
        (config.parent / name).chmod(0o644)
    loaded = load_config(config)
    (config.parent / "secret").unlink()
    (remark,) = password_file_remarks(loaded)
    assert remark.startswith("sources.a.recovery.password_file: expected a file")
