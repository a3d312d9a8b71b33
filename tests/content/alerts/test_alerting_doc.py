"""docs/alerting.md: what it tells people to do works, and its tables say what the files say."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load_config
from tests.support.documents import CONFIGURATION, blocks
from tests.support.monitoring.alertmanager_example import SEVERITIES, inhibitions
from tests.support.monitoring.programs import program

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "alerting.md").read_text(encoding="utf-8")
RULES = ROOT / "alerts" / "session-exporter.rules.yml"

REPLACE, PROMETHEUS_RULE = blocks(DOCUMENT, "sh")
PROMETHEUS, THRESHOLDS = blocks(DOCUMENT, "yaml")


def table(*head: str) -> list[list[str]]:
    """The rows of the table with that head, as cells without markup."""
    _, rows = DOCUMENT.split(f"| {' | '.join(head)} |\n")
    lines = rows.split("\n\n")[0].splitlines()[1:]
    plain = (re.sub(r"\[([^]]+)\]\([^)]+\)|`", r"\1", line) for line in lines)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in plain]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder in which the first command of the document was run."""
    shutil.copytree(ROOT / "alerts", tmp_path / "alerts")
    subprocess.run(["bash", "-ec", REPLACE], cwd=tmp_path, check=True)
    return tmp_path


def test_one_command_puts_the_addresses_of_the_user_into_the_rules(installed: Path) -> None:
    shipped = RULES.read_text(encoding="utf-8")
    rules = (installed / "session-exporter.rules.yml").read_text(encoding="utf-8")
    assert "example.com" not in rules.partition("\ngroups:")[2]
    expected = shipped.replace("runbooks.example.com", "wiki.example.org")
    assert rules == expected.replace("grafana.example.com", "grafana.example.org")
    replaced = yaml.safe_load(rules)["groups"][0]["rules"]
    for each in (rule["annotations"] for rule in replaced if "alert" in rule):
        assert each["runbook_url"].startswith("https://wiki.example.org/session-exporter/Sessions")
        assert each["dashboard_url"].startswith("https://grafana.example.org/d/")


def test_prometheus_takes_what_the_document_shows(installed: Path) -> None:
    (installed / "prometheus.yml").write_text(PROMETHEUS, encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "config", "prometheus.yml"],
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* rules found", done.stdout)
    (job,) = yaml.safe_load(PROMETHEUS)["scrape_configs"]
    assert f'job=~".*{job["job_name"]}.*"' in RULES.read_text(encoding="utf-8")


def test_the_rules_become_a_prometheus_rule(installed: Path) -> None:
    made = PROMETHEUS_RULE.replace("| kubectl apply -f -", "> prometheusrule.yaml")
    assert made != PROMETHEUS_RULE
    subprocess.run(["bash", "-ec", made], cwd=installed, check=True)
    rule: dict[str, Any] = yaml.safe_load((installed / "prometheusrule.yaml").read_text("utf-8"))
    spec = rule.pop("spec")
    assert spec == yaml.safe_load((installed / "session-exporter.rules.yml").read_text("utf-8"))
    assert rule == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "session-exporter", "labels": {"release": "prometheus"}},
    }


@pytest.mark.parametrize("second", [PROMETHEUS, PROMETHEUS_RULE], ids=["Prometheus", "Kubernetes"])
def test_the_rules_are_installed_with_five_lines(second: str) -> None:
    lines = (REPLACE + second).splitlines()
    assert len(lines) <= 5
    assert all(len(line) <= 100 for line in lines)


def test_every_alert_is_in_the_table_with_its_severity() -> None:
    assert [(row[0], row[1]) for row in table("alert", "severity", "condition")] == list(
        SEVERITIES.items()
    )


def test_the_table_of_what_is_held_back_is_that_of_the_inhibit_rules() -> None:
    everything = {"all other alerts of the same scrape job"}
    recovery = {"SessionsRecoveryFailing", "SessionsRecoveryBraked", "SessionsRecoveryHeld"}
    said: dict[str, set[str]] = {}
    for causes, symptoms in table("while this fires", "these are inhibited"):
        for cause in causes.split(", "):
            said[cause] = set(re.findall(r"Sessions\w+", symptoms)) or {symptoms}
    held: dict[str, set[str]] = {}
    for cause, symptom, _ in inhibitions():
        held.setdefault(cause, set()).add(symptom)
    down = {"SessionsExporterDown", "SessionsExporterAbsent"}
    assert {held.pop(cause) == set(SEVERITIES) - down for cause in sorted(down)} == {True}
    assert [said.pop(cause) for cause in sorted(down)] == [everything] * 2
    elsewhere = {"SessionsSourceGone", "SessionsIndexMissing", "SessionsDatabaseDown"}
    elsewhere |= {"SessionsReplicasDiffer", "SessionsConfigReloadFailed"}
    elsewhere |= {"SessionsRecoveryContradicted", "SessionsRecoveryRateHigh"}
    elsewhere |= {"SessionsEvidenceDown"}
    assert held.pop("SessionsDatabaseDown") == set(SEVERITIES) - down - elsewhere
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
