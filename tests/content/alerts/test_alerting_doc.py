"""docs/alerting.md: what it tells people to do works, and its tables say what the files say."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from exporter.cli.app import app
from exporter.config import load_config
from exporter.content.labels import REPLICA, SEPARATING
from tests.support.documents import CONFIGURATION, blocks, commands
from tests.support.monitoring.alertmanager_example import SEVERITIES, inhibitions
from tests.support.monitoring.programs import program

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "alerting.md").read_text(encoding="utf-8")
RULES = ROOT / "alerts" / "session-exporter.rules.yml"

FOR_PROMETHEUS, FOR_OPERATOR = blocks(DOCUMENT, "sh")
PROMETHEUS, THRESHOLDS = blocks(DOCUMENT, "yaml")


def table(*head: str) -> list[list[str]]:
    """The rows of the table with that head, as cells without markup."""
    _, rows = DOCUMENT.split(f"| {' | '.join(head)} |\n")
    lines = rows.split("\n\n")[0].splitlines()[1:]
    plain = (re.sub(r"\[([^]]+)\]\([^)]+\)|`", r"\1", line) for line in lines)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in plain]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Runs a block's commands of ours in a folder, and returns the folder."""
    monkeypatch.chdir(tmp_path)

    def run(block: str) -> Path:
        for arguments in commands(f"```sh\n{block}```\n", "session-exporter"):
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, result.output
        return tmp_path

    return run


def test_prometheus_takes_what_the_document_shows(run: Callable[[str], Path]) -> None:
    folder = run(FOR_PROMETHEUS)
    (folder / "prometheus.yml").write_text(PROMETHEUS, encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "config", "prometheus.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* rules found", done.stdout)
    (job,) = yaml.safe_load(PROMETHEUS)["scrape_configs"]
    rules = (folder / "monitoring" / "session-exporter.rules.yml").read_text(encoding="utf-8")
    assert f'up{{job="{job["job_name"]}"}}' in rules


def test_the_rules_become_a_prometheus_rule(run: Callable[[str], Path]) -> None:
    file = run(FOR_OPERATOR) / "monitoring" / "session-exporter.prometheusrule.yml"
    assert f"-f monitoring/{file.name}" in FOR_OPERATOR
    rule: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    spec = rule.pop("spec")
    for each in (rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule):
        assert each["labels"].pop("release") == "prometheus"
    assert spec == yaml.safe_load(RULES.read_text("utf-8"))
    assert rule == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "session-exporter", "labels": {"release": "prometheus"}},
    }


@pytest.mark.parametrize("block", [FOR_PROMETHEUS, FOR_OPERATOR], ids=["Prometheus", "Kubernetes"])
def test_the_rules_are_installed_with_three_lines(block: str) -> None:
    lines = block.splitlines()
    assert len(lines) <= 3
    assert all(len(line) <= 100 for line in lines)


def test_every_label_that_separates_or_is_folded_is_in_the_document() -> None:
    section = DOCUMENT.partition("## Labels\n")[2].partition("\n## ")[0]
    assert re.findall(r"`(\w+)`", section) == [*SEPARATING, *REPLICA]


def test_every_alert_is_in_the_table_with_its_severity() -> None:
    rows = [(row[0], row[1]) for row in table("alert", "severity", "condition")]
    assert dict(rows) == SEVERITIES
    assert [severity for _, severity in rows].index("warning") == 3  # what pages is first


def test_the_table_of_what_is_held_back_is_that_of_the_inhibit_rules() -> None:
    everything = {"all other tickets of the same scrape job"}
    pages = {name for name, severity in SEVERITIES.items() if severity == "critical"}
    recovery = {"SessionsRecoveryFailing", "SessionsRecoveryBraked", "SessionsRecoveryHeld"}
    recovery |= {"SessionsRecoveryGraceTooLong"}
    said: dict[str, set[str]] = {}
    for causes, symptoms in table("while this fires", "these are inhibited"):
        for cause in causes.split(", "):
            said[cause] = set(re.findall(r"Sessions\w+", symptoms)) or {symptoms}
    held: dict[str, set[str]] = {}
    for cause, symptom, _ in inhibitions():
        held.setdefault(cause, set()).add(symptom)
    absent = "SessionsExporterAbsent"
    assert held.pop(absent) == set(SEVERITIES) - pages - {absent}
    assert said.pop(absent) == everything
    elsewhere = {"SessionsSourceGone", "SessionsIndexMissing", "SessionsDatabaseDown"}
    elsewhere |= {"SessionsReplicasDiffer", "SessionsConfigReloadFailed", "SessionsExporterDown"}
    elsewhere |= {"SessionsRecoveryRateHigh", "SessionsEvidenceDown", absent}
    elsewhere |= {"SessionsErrorBudgetBurning", "SessionsRecoveryPermanent"}
    elsewhere |= {"SessionsExporterRestarting"}
    assert held.pop("SessionsDatabaseDown") == set(SEVERITIES) - pages - elsewhere
    assert said.pop("SessionsDatabaseDown") == recovery  # beside what is said in words
    assert said == held


def test_thresholds_are_set_as_the_document_says(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    shown = yaml.safe_load(THRESHOLDS)
    config["defaults"] |= shown["defaults"]
    for name, keys in shown["sources"].items():
        config["sources"][name] |= keys
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    sources = load_config(tmp_path / "config.yaml", {"DATABASE_URL": ""}).sources
    limits = {name: source.alert_above for name, source in sources.items()}
    assert limits == {"conversations": 20, "coaching": None, "transcripts": 5, "training": 5}


def test_the_table_of_thresholds_names_keys_and_alerts_that_exist() -> None:
    documented = "".join(CONFIGURATION.values())
    for keys, alerts in table("key in config.yaml", "alert"):
        for key in keys.split(", "):
            assert f"| `{key.rpartition('.')[2]}` |" in documented
        named = set(re.findall(r"Sessions\w+", alerts))
        assert named
        assert named <= set(SEVERITIES)
