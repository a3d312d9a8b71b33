"""The Alertmanager example: who hears of which alert, and what is held back by what.

Asked of the real thing: `amtool`, and an Alertmanager that runs the shipped file.
"""

import functools
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.content.labels import SEPARATING
from tests.support.monitoring.alertmanager_example import (
    CONFIG,
    FILE,
    NO_PAGE,
    SEVERITIES,
    inhibitions,
)
from tests.support.monitoring.programs import Alertmanager, Webhook, program
from tests.support.monitoring.rule_cases import rule_cases
from tests.support.monitoring.shorter import quick_alertmanager
from tests.support.processes.session_exporter import wait_for

RECEIVERS = {"critical": "page", "warning": "tickets", "info": "notes"}
RANK = {"critical": 2, "warning": 1, "info": 0}

ORPHANED, DOWN = "SessionsOrphanedAboveThreshold", "SessionsDatabaseDown"
UNCOUNTED, ABSENT = "SessionsUncounted", "SessionsExporterAbsent"
FAILING, STALE = "SessionsCollectionFailing", "SessionsDataStale"
JOB = {"job": "session-exporter"}
DATABASE = JOB | {"database": "app"}
SOURCE = DATABASE | {"source": "calls"}
ACTIVE = SOURCE | {"collector": "active"}
WITNESS = SOURCE | {"cluster": "witness"}


def amtool(*arguments: str | Path) -> str:
    """Run amtool to its end and return what it prints."""
    done = subprocess.run(
        [program("amtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def receiver(**labels: str) -> str:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={FILE}", *pairs).strip()


@functools.cache
def label_sets() -> dict[str, list[set[str]]]:
    """The labels that each alert has in its unit tests, where promtool compares them."""
    found: dict[str, list[set[str]]] = {}
    for case in rule_cases():
        for check in case.content.get("alert_rule_test", []):
            sets = [set(alert["exp_labels"]) for alert in check["exp_alerts"]]
            found.setdefault(check["alertname"], []).extend(sets)
    return found


def test_amtool_accepts_it() -> None:
    assert "SUCCESS" in amtool("check-config", FILE)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"alertname": ORPHANED, "severity": "critical", **SOURCE}, "page"),
        ({"alertname": UNCOUNTED, "severity": "critical", **SOURCE}, "page"),
        ({"alertname": DOWN, "severity": "warning", **DATABASE}, "tickets"),
        ({"alertname": "SessionsExporterAbsent", "severity": "warning"}, "tickets"),
        # A warning does not page, whoever's it is.
        ({"alertname": ORPHANED, "severity": "warning", **SOURCE}, "tickets"),
        ({"alertname": FAILING, "severity": "warning", **SOURCE}, "tickets"),
        ({"alertname": "SessionsIndexMissing", "severity": "info", **SOURCE}, "notes"),
        ({"alertname": "SessionsNew", "severity": "info", **SOURCE}, "notes"),
        # What nobody thought of is not lost, and gets nobody out of bed.
        ({"alertname": "SessionsNew", **SOURCE}, "tickets"),
        ({"alertname": "SessionsNew", "severity": "page", **SOURCE}, "tickets"),
        # Alerts of others are routed by them.
        ({"alertname": "NodeDown", "severity": "critical"}, "tickets"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else value,
)
def test_these_labels_go_to_this_receiver(labels: dict[str, str], expected: str) -> None:
    assert receiver(**labels) == expected


@pytest.mark.parametrize(("name", "severity"), SEVERITIES.items())
def test_every_alert_goes_where_its_severity_says(name: str, severity: str) -> None:
    assert receiver(alertname=name, severity=severity, **SOURCE) == RECEIVERS[severity]


def test_tickets_are_grouped_by_source_and_pages_by_database_in_their_environment() -> None:
    (ours,) = CONFIG["route"]["routes"]
    assert ours["group_by"] == [*SEPARATING, "database", "source"]
    pages, notes = ours["routes"]
    assert (pages["receiver"], pages["group_by"]) == ("page", [*SEPARATING, "database"])
    assert (notes["receiver"], "group_by" in notes) == ("notes", False)


def test_every_inhibit_rule_knows_every_label_that_separates() -> None:
    for rule in CONFIG["inhibit_rules"]:
        assert rule["equal"][: len(SEPARATING)] == list(SEPARATING)


def test_no_page_is_inhibited() -> None:
    assert all(NO_PAGE in rule["target_matchers"] for rule in CONFIG["inhibit_rules"])


def test_inhibit_rules_name_only_alerts_that_exist() -> None:
    for rule in CONFIG["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            if matcher == NO_PAGE:
                continue
            pattern = matcher.split('"')[1]
            if pattern != "Sessions.+":
                assert set(pattern.split("|")) <= set(SEVERITIES)


def test_a_cause_is_at_least_as_severe_as_what_it_holds_back() -> None:
    assert inhibitions()
    for cause, symptom, _ in inhibitions():
        assert RANK[SEVERITIES[cause]] >= RANK[SEVERITIES[symptom]], (cause, symptom)


def test_no_two_alerts_hold_each_other_back() -> None:
    pairs = {(cause, symptom) for cause, symptom, _ in inhibitions()}
    assert not {(symptom, cause) for cause, symptom in pairs} & pairs


@pytest.mark.parametrize(("cause", "symptom", "equal"), inhibitions())
def test_a_cause_can_have_all_that_must_be_equal(
    cause: str, symptom: str, equal: tuple[str, ...]
) -> None:
    # A label that only one of the two has is never equal: the rule would do nothing.
    assert any(
        one & set(equal) == other & set(equal)
        for one, other in itertools.product(label_sets()[cause], label_sets()[symptom])
    )


@pytest.mark.quick(
    "SessionsDatabaseDown session-exporter app-SessionsOrphanedAbove",
    "SessionsDatabaseDown prod",
    "a-SessionsCollectionFailing session-exporter app calls b-False",
    "SessionsExporterAbsent session-exporter-SessionsSourceGone",
    "size-SessionsDataStale",
    "SessionsOrphanedRising session-exporter app calls-True",
)
@pytest.mark.parametrize(
    ("cause", "symptom", "is_held"),
    [
        ((DOWN, DATABASE), (FAILING, ACTIVE), True),
        ((DOWN, DATABASE), (ORPHANED, SOURCE), False),
        ((DOWN, DATABASE), (UNCOUNTED, SOURCE), False),
        ((DOWN, DATABASE), (FAILING, ACTIVE | {"database": "other"}), False),
        ((DOWN, DATABASE | {"cluster": "a"}), (FAILING, SOURCE | {"cluster": "b"}), False),
        ((DOWN, DATABASE | {"namespace": "a"}), (FAILING, SOURCE | {"namespace": "a"}), True),
        ((DOWN, {"env": "prod"} | DATABASE), (FAILING, SOURCE | {"env": "staging"}), False),
        ((DOWN, {"env": "prod"} | DATABASE), (FAILING, SOURCE | {"env": "prod"}), True),
        ((DOWN, {"tenant": "a"} | DATABASE), (FAILING, SOURCE), False),
        ((DOWN, DATABASE), ("SessionsExporterDown", JOB), False),
        ((DOWN, DATABASE), ("SessionsSourceGone", SOURCE), False),
        (("SessionsExporterDown", JOB), (ORPHANED, SOURCE), False),
        (("SessionsExporterDown", JOB), (UNCOUNTED, SOURCE), False),
        (("SessionsExporterDown", JOB), (DOWN, DATABASE), False),
        (("SessionsExporterDown", JOB), ("SessionsRecoveryContradicted", SOURCE), False),
        ((ABSENT, JOB), (ORPHANED, SOURCE), False),
        ((ABSENT, JOB), ("SessionsRecoveryContradicted", SOURCE), False),
        ((ABSENT, JOB), ("SessionsSourceGone", SOURCE), True),
        ((ABSENT, JOB), ("SessionsSourceGone", SOURCE | {"region": "eu"}), False),
        ((ABSENT, {}), ("SessionsSourceGone", SOURCE), False),
        (("SessionsReplicaLagging", DATABASE), (FAILING, SOURCE), True),
        ((FAILING, ACTIVE), (STALE, ACTIVE), True),
        ((FAILING, SOURCE | {"collector": "size"}), (STALE, ACTIVE), False),
        ((ORPHANED, SOURCE), ("SessionsOrphanedRising", SOURCE), True),
        ((ORPHANED, SOURCE), ("SessionsOverlong", SOURCE), False),
        ((ORPHANED, SOURCE), ("SessionsOwnerless", SOURCE | {"cause": "ownerless"}), True),
        ((ORPHANED, SOURCE), ("SessionsUntracked", SOURCE), False),
        ((DOWN, DATABASE), ("SessionsEvidenceDown", JOB | {"evidence": "calls"}), False),
        (("SessionsConfigReloadFailed", JOB), ("SessionsReplicasDiffer", JOB), True),
        ((DOWN, DATABASE), ("SessionsRecoveryBraked", SOURCE | {"brake": "share"}), True),
        ((FAILING, ACTIVE), ("SessionsRecoveryFailing", SOURCE), False),
    ],
    ids=lambda value: (
        value if isinstance(value, bool) else " ".join([value[0], *value[1].values()])
    ),
)
def test_this_cause_holds_back_this_symptom_or_does_not(
    cause: tuple[str, dict[str, str]],
    symptom: tuple[str, dict[str, str]],
    is_held: bool,
) -> None:
    config = CONFIG | {"receivers": [{"name": name} for name in RECEIVERS.values()]}
    with Alertmanager(config) as alertmanager:
        # Alertmanager learns of causes in the order in which they come. Once it holds back the
        # last alert here, which is a pair of its own in another cluster, it knows the first.
        last = [(ORPHANED, WITNESS), ("SessionsOrphanedRising", WITNESS)]
        alertmanager.send(
            [
                {"alertname": name, "severity": SEVERITIES[name], **labels}
                for name, labels in (cause, symptom, *last)
            ]
        )

        def state(name: str, cluster: str | None) -> str:
            (found,) = (
                each["status"]["state"]
                for each in alertmanager.alerts(name=name)
                if each["labels"].get("cluster") == cluster
            )
            return str(found)

        wait_for(
            lambda: state("SessionsOrphanedRising", "witness") == "suppressed", "causes are known"
        )
        found = state(symptom[0], symptom[1].get("cluster"))
    assert found == ("suppressed" if is_held else "active")


def test_a_crash_over_thirty_sources_in_two_environments_is_an_incident_in_each() -> None:
    with Webhook() as webhook, Alertmanager(quick_alertmanager(webhook)) as alertmanager:
        common = JOB | {"alertname": ORPHANED, "severity": "critical", "database": "app"}
        alertmanager.send(
            [
                common | {"env": env, "source": f"source{number}"}
                for env in ("prod", "staging")
                for number in range(30)
            ]
            # A cause there and here, which neither holds back a page nor is one.
            + [DATABASE | {"alertname": DOWN, "severity": "warning", "env": "prod"}]
            + [JOB | {"alertname": ABSENT, "severity": "warning", "env": "prod"}]
        )
        wait_for(lambda: len(webhook.posts("/page")) >= 2, "both are paged")
        pages = webhook.posts("/page")
    assert sorted(page.body["groupLabels"]["env"] for page in pages) == ["prod", "staging"]
    assert [len(page.alerts) for page in pages] == [30, 30]
    assert all(set(page.body["groupLabels"]) == {"env", "job", "database"} for page in pages)


def test_no_secret_is_in_the_file() -> None:
    # What Alertmanager calls a secret is either read from a file or not there.
    keys = set(re.findall(r"([a-z_]+):", FILE.read_text(encoding="utf-8")))
    assert {"routing_key_file", "api_url_file", "credentials_file"} <= keys
    secret = {"routing_key", "service_key", "api_url", "api_key", "credentials", "password"}
    assert not keys & (secret | {"bearer_token", "auth_password"})


def templates(node: Any) -> Iterator[str]:
    """Every text of a receiver that Alertmanager fills in."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from templates(each)
    elif "{{" in str(node):
        yield str(node)


@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize("name", ["page", "notes"])
def test_every_message_names_the_source_and_links_the_runbook(
    name: str, status: str, tmp_path: Path
) -> None:
    texts = {"summary": "A summary.", "runbook_url": "https://run"}
    alert = {"status": status, "labels": SOURCE | {"alertname": ORPHANED}, "annotations": texts}
    data = {"status": status, "alerts": [alert, alert], "groupLabels": SOURCE}
    (tmp_path / "data.json").write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "none.tmpl").touch()  # amtool wants a file of templates, and there are none
    files = [f"--template.data={tmp_path / 'data.json'}", f"--template.glob={tmp_path}/*.tmpl"]

    (message,) = (each for each in CONFIG["receivers"] if each["name"] == name)
    text = "\n".join(templates(message))
    sent = amtool("template", "render", *files, f"--template.text={text}")
    assert "<no value>" not in sent
    for part in (SOURCE["database"], SOURCE["source"], *texts.values()):
        assert part in sent
