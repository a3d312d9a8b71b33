"""The runbooks that the daemon serves."""

from pathlib import Path

import pytest

from exporter.daemon.pages.runbooks import runbook

NAMES = sorted(path.stem for path in (Path(__file__).parents[4] / "docs/runbooks").glob("*.md"))


def test_every_runbook_is_served() -> None:
    assert NAMES
    assert all((runbook(name, "") or "").startswith(f"# {name}\n") for name in NAMES)


@pytest.mark.parametrize("name", ["", "..", "../alerting", "Nothing", "a/b", "a\0", "x" * 5000])
def test_nothing_else_is(name: str) -> None:
    assert runbook(name, "") is None


def test_its_commands_are_those_of_this_installation() -> None:
    plain = runbook("SessionsOrphanedAboveThreshold", "") or ""
    text = runbook("SessionsOrphanedAboveThreshold", r"kubectl exec \1 --") or ""
    assert "\nsession-exporter orphans SOURCE\n" in plain
    assert "\nkubectl exec \\1 -- session-exporter orphans SOURCE\n" in text
    assert "\nsession-exporter " not in text
