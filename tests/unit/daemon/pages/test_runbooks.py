"""The runbooks that the daemon serves."""

import re
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


@pytest.mark.parametrize("name", NAMES)
def test_the_prefix_is_before_every_command_wherever_it_stands(name: str) -> None:
    text = runbook(name, "docker exec exporter") or ""
    assert "\ndocker exec exporter session-exporter " in text
    assert not re.search(r"^\s*session-exporter |`session-exporter [a-z]", text, re.MULTILINE)
    assert text.count("docker exec exporter ") == len(
        re.findall(r"docker exec exporter (?:env \w+=\S+ )?session-exporter [a-z]", text)
    )


def test_the_prefix_is_before_the_environment_of_a_command_as_in_a_container() -> None:
    text = runbook("SessionsRecoveryBraked", "kubectl exec deploy/session-exporter --") or ""
    prefix = "kubectl exec deploy/session-exporter --"
    assert f"\n  {prefix} env RECOVERY_DATABASE_URL=postgresql://" in text


def test_the_source_of_the_alert_is_in_its_commands() -> None:
    text = runbook("SessionsOrphanedAboveThreshold", "", "chat-rooms.v2") or ""
    assert "\nsession-exporter orphans chat-rooms.v2\n" in text
    assert "SOURCE" not in text


@pytest.mark.parametrize("source", ["", "a b", "a;id", "$(id)", "-c", "x" * 64, "a\nb", "`id`"])
def test_what_can_be_no_name_of_a_source_is_in_no_command(source: str) -> None:
    name = "SessionsOrphanedAboveThreshold"
    assert runbook(name, "", source) == runbook(name, "")
