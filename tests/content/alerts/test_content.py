"""What `session-exporter content` writes is what the repository has, and options change it."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from exporter.cli.app import app
from exporter.content import packaged
from exporter.content.files import ALERTMANAGER_FILE, RULES_FILES, content_files
from exporter.content.labels import IDENTIFYING, REPLICA, SEPARATING
from exporter.content.options import DOCUMENTS, REPOSITORY, RUNBOOKS, ContentOptions, RulesFormat
from exporter.content.rules import GROUPS, write_rules
from exporter.errors import UsageError
from tests.support.monitoring.rule_cases import ALERTS, load_yaml, name_of, run_promtool
from tests.support.monitoring.rule_cases import seconds as in_seconds

ROOT = Path(__file__).parents[3]

#: Where the repository has what `content` writes into one folder.
PLACES = {"dashboards": ROOT / "dashboards" / "json", "runbooks": ROOT / "docs" / "runbooks"}

#: What Mimir and Grafana Cloud take by default.
MOST_RULES = 20

#: Without a name in Prometheus' own templates.
ANY_RUNBOOK = re.compile(rf"{re.escape(REPOSITORY)}/blob/v[^/]+/docs/runbooks")


def rules_of(**options: Any) -> list[dict[str, Any]]:
    groups = load_yaml(write_rules(ContentOptions(**options)))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def in_repository(name: str) -> Path:
    folder, _, file = name.rpartition("/")
    return PLACES.get(folder, ALERTS) / file


def content(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["content", *arguments])


def test_each_command_of_alerts_and_runbooks_gets_the_prefix(tmp_path: Path) -> None:
    prefix = "kubectl exec deploy/session-exporter --"
    done = content("--out", str(tmp_path), "--command-prefix", prefix)
    assert done.exit_code == 0
    rules = (tmp_path / RULES_FILES[RulesFormat.PROMETHEUS]).read_text(encoding="utf-8")
    commands = [
        line for line in rules.splitlines() if re.search(r": .*session-exporter [a-z]", line)
    ]
    # What a person runs over their own connection is not for the exporter's container.
    personal = [line for line in commands if "over your own connection: " in line]
    assert len(commands) > 10
    assert personal
    for line in commands:
        assert (f": {prefix} session-exporter " in line) == (line not in personal)
    assert load_yaml(rules.replace(f"{prefix} ", "")) == load_yaml(write_rules(ContentOptions()))
    runbook = tmp_path / "runbooks" / "SessionsOrphanedAboveThreshold.md"
    text = runbook.read_text(encoding="utf-8")
    assert f"\n{prefix} session-exporter " in text
    assert "\nsession-exporter " not in text


@pytest.mark.parametrize("prefix", ["ssh {host}", "one\ntwo"])
def test_a_prefix_that_an_alert_cannot_hold_is_refused(tmp_path: Path, prefix: str) -> None:
    done = content("--out", str(tmp_path), "--command-prefix", prefix)
    assert isinstance(done.exception, UsageError)
    assert not list(tmp_path.iterdir())


def test_what_is_committed_is_the_default_output() -> None:
    written = dict(content_files(ContentOptions()))
    ours = [name for name in written if "/" not in name]
    if os.environ.get("UPDATE_GOLDEN"):
        for name in ours:
            in_repository(name).write_text(written[name], encoding="utf-8")
        for file in ALERTS.glob("*.test.yml"):
            text = file.read_text(encoding="utf-8")
            file.write_text(ANY_RUNBOOK.sub(RUNBOOKS, text), encoding="utf-8")
    assert ours == [RULES_FILES[RulesFormat.PROMETHEUS], ALERTMANAGER_FILE]
    for name, text in written.items():
        stored = in_repository(name).read_text(encoding="utf-8")
        if name.startswith("runbooks/"):
            stored = stored.replace("](../", f"]({DOCUMENTS}/")
        assert text == stored, name
    for folder in PLACES.values():
        assert {path for path in folder.iterdir() if path.suffix != ".py"} <= {
            in_repository(name) for name in written
        }


def test_the_wheel_has_the_dashboards_and_runbooks_where_they_are_looked_for() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    packed = Path(packaged.__file__).parent.relative_to(ROOT)
    for name, folder in PLACES.items():
        assert included[folder.relative_to(ROOT).as_posix()] == f"{packed.as_posix()}/{name}"


def test_a_group_has_at_most_twenty_rules_and_tests_evaluate_all_groups_in_their_order() -> None:
    groups = load_yaml(write_rules(ContentOptions()))["groups"]
    assert all(len(group["rules"]) <= MOST_RULES for group in groups)
    names = [group["name"] for group in groups]
    assert names == [f"session-exporter-{name}" for name in GROUPS]
    for file in ALERTS.glob("*.test.yml"):
        assert load_yaml(file.read_text(encoding="utf-8"))["group_eval_order"] == names, file.name


def test_labels_are_listed_in_one_place() -> None:
    # A template that named one would not know of those that are added to the list.
    templates = (ROOT / "exporter" / "content" / "templates").rglob("*.yml")
    for text in (path.read_text(encoding="utf-8") for path in templates):
        code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
        named = set(
            re.findall(r"\b(?:without|by|on|ignoring|equal|group_by)\W+\(?\[?([\w, ]+)", code)
        )
        words = {word for each in named for word in re.split(r"\W+", each)}
        assert not words & {*SEPARATING, *REPLICA} - {"job"}
        assert "3m" not in code
    assert set(IDENTIFYING) < set(SEPARATING)
    assert not set(SEPARATING) & set(REPLICA)


@pytest.mark.parametrize(
    ("keep", "job", "seconds"), [(True, None, 300), (False, "sessions", 10), (False, None, 10)]
)
def test_the_rules_are_sound_with_all_options(
    keep: bool, job: str | None, seconds: int, tmp_path: Path
) -> None:
    rules = rules_of(
        keep_firing_for=keep,
        job=job,
        scrape_interval=seconds,
        grafana_url="https://grafana/x",
        alert_labels={"team": "it's"},
    )
    test = "rule_files: [session-exporter.rules.yml]\ntests: []\n"
    _, failed = run_promtool([(test, rules)], tmp_path / "promtool")
    assert not failed
    text = str(rules)
    assert ("keep_firing_for" in text) == keep
    # Three scrapes, and a minute at least; and two more or two minutes, so that a step of a minute
    # may be late.
    windows = {300: ("15m", "25m"), 10: ("1m", "3m")}[seconds]
    assert all(f"[{window}]" in text for window in windows)
    assert ("[3m]" in text) == ("3m" in windows)
    alerts = [rule for rule in rules if "alert" in rule]
    assert all(rule["labels"]["team"] == "it's" for rule in alerts)
    for rule in alerts:
        url = rule["annotations"]["dashboard_url"]
        assert url.startswith("https://grafana/x/d/session")
        assert "{{ range $name, $value := $labels }}" in url


@pytest.mark.parametrize("interval", [1, 5, 15, 60, 120, 300])
def test_each_subquery_has_steps_in_its_range_whatever_the_scrape_interval(interval: int) -> None:
    found = re.findall(r"\[(\w+):(\w+)\]", str(rules_of(scrape_interval=interval)))
    assert len(found) >= 5
    # Steps are aligned to the epoch: a range that is shorter than one may hold none.
    assert all(in_seconds(step) <= in_seconds(width) / 3 for width, step in found), found


LINKED = """
rule_files: [session-exporter.rules.yml]
evaluation_interval: 1m
tests:
  - name: where the link of an alert leads
    interval: 1m
    input_series:
      - {series: 'firing{job="here",database="a&b",source="calls"}', values: 1x3}
      - {series: 'firing{cluster="eu west",namespace="chat",job="there"}', values: 1x3}
      - {series: 'firing', values: 1x3}
    alert_rule_test:
      - alertname: SessionsDataStale
        eval_time: 2m
        exp_alerts:
          - exp_labels: {job: here, database: a&b, source: calls}
            exp_annotations:
              url: X?var-cluster=&var-namespace=&var-database=a%26b&var-job=here&var-source=calls&
          - exp_labels: {cluster: eu west, namespace: chat, job: there}
            exp_annotations: {url: 'X?var-cluster=eu+west&var-job=there&var-namespace=chat&'}
          - exp_labels: {}
            exp_annotations: {url: 'X?'}
"""


def test_a_link_of_an_alert_without_a_cluster_selects_what_has_none(tmp_path: Path) -> None:
    rules = rules_of(grafana_url="https://grafana/x")
    (rule,) = (each for each in rules if each.get("alert") == "SessionsDataStale")
    url = re.sub(r"^[^?]*", "X", rule["annotations"]["dashboard_url"])
    linking = {"alert": rule["alert"], "expr": "firing", "annotations": {"url": url}}
    output, failed = run_promtool([(LINKED, [linking])], tmp_path / "promtool")
    assert not failed, output


def test_with_a_job_the_rules_ask_for_it_alone() -> None:
    text = write_rules(ContentOptions(job="sessions"))
    assert "session_exporter_build_info[" not in text
    assert 'up{job="sessions"}' in text


HEAD = """
rule_files: [session-exporter.rules.yml]
evaluation_interval: 15m
tests:
"""
LONG_ABSENT = """
  - name: an expected job that has never had a target pages and is a ticket, for longer than a day
    interval: 5m
    input_series:
      - {series: 'up{job="session-exporter",instance="a"}', values: 1x400}
    promql_expr_test:
      - expr: count by (alertname, job) (min_over_time(ALERTS{alertstate="firing"}[1700m]))
        eval_time: 1800m
        exp_samples:
          - {labels: '{alertname="SessionsExporterAbsent",job="sessions"}', value: 1}
          - {labels: '{alertname="SessionsUncounted",job="sessions"}', value: 1}
"""
MISSED = """
  - name: an expected job that has never had a target pages and is a ticket
    interval: 5m
    input_series:
      - {series: 'up{job="session-exporter",instance="a"}', values: 1x40}
    promql_expr_test:
      - expr: count by (alertname, job) (ALERTS{alertstate="firing"})
        eval_time: 60m
        exp_samples:
          - {labels: '{alertname="SessionsExporterAbsent",job="sessions"}', value: 1}
          - {labels: '{alertname="SessionsUncounted",job="sessions"}', value: 1}
  - name: a target of the expected job that has never answered is down, and pages as not counted
    interval: 5m
    input_series:
      - {series: 'up{job="sessions",instance="a"}', values: 0x40}
    promql_expr_test:
      - expr: count by (alertname, job) (ALERTS{alertstate="firing"})
        eval_time: 60m
        exp_samples:
          - {labels: '{alertname="SessionsExporterDown",job="sessions"}', value: 1}
          - {labels: '{alertname="SessionsUncounted",job="sessions"}', value: 1}
  - name: an expected job that serves a source is neither
    interval: 5m
    input_series:
      - {series: 'up{job="sessions",instance="a"}', values: 1x40}
      - {series: 'sessions_recovery_mode{job="sessions",source="s",mode="auto"}', values: 1x40}
      - {series: 'sessions_orphaned{job="sessions",source="s"}', values: 1x40}
      - {series: 'sessions_orphaned_alert_threshold{job="sessions",source="s"}', values: 5x40}
    promql_expr_test:
      - expr: count by (alertname, job) (ALERTS)
        eval_time: 60m
"""


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(MISSED, id="an hour"),
        pytest.param(LONG_ABSENT, id="a day", marks=pytest.mark.slow),  # it is long
    ],
)
def test_an_expected_job_is_missed_exactly_and_for_as_long_as_it_is_not_there(
    cases: str, tmp_path: Path
) -> None:
    needed = re.compile(r"Sessions(Exporter|Uncounted)|sessions:(exporter|source|orphaned)_")
    rules = rules_of(job="sessions", scrape_interval=300)
    rules = [rule for rule in rules if needed.match(name_of(rule))]
    output, failed = run_promtool([(HEAD + cases, rules)], tmp_path / "promtool")
    assert not failed, output


def test_addresses_and_labels_of_the_user_are_in_all_files(tmp_path: Path) -> None:
    result = content(
        "--out", str(tmp_path / "new" / "folder"), "--runbook-url", "https://wiki/x/",
        "--grafana-url", "https://grafana/", "--labels", "site, team=web",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    folder = tmp_path / "new" / "folder"
    assert result.output.splitlines() == [
        f"{folder}/session-exporter.rules.yml",
        f"{folder}/alertmanager.yml",
        f"{folder}/dashboards: 3 files",
        f"{folder}/runbooks: {len(list(PLACES['runbooks'].iterdir()))} files",
    ]
    rules = (folder / "session-exporter.rules.yml").read_text(encoding="utf-8")
    dashboards = "".join(path.read_text("utf-8") for path in (folder / "dashboards").iterdir())
    for text in (rules, dashboards):
        assert "https://wiki/x/Sessions" in text or "https://wiki/x/${" in text
        assert REPOSITORY not in text
    assert "https://grafana/d/sessions-source?" in rules
    assert "site=%q" in rules
    alertmanager = yaml.safe_load((folder / "alertmanager.yml").read_text(encoding="utf-8"))
    assert all("site" in rule["equal"] for rule in alertmanager["inhibit_rules"])
    assert "site" in alertmanager["route"]["routes"][0]["group_by"]
    assert "dashboard_url" in str(alertmanager["receivers"])


def test_every_link_of_a_runbook_leads_to_one_beside_it_or_to_a_document_of_this_version() -> None:
    written = dict(content_files(ContentOptions()))
    for name, text in written.items():
        for link in re.findall(r"\]\(([^)#]+)", text) if name.startswith("runbooks/") else ():
            document = link.removeprefix(f"{DOCUMENTS}/")
            assert f"runbooks/{link}" in written or (ROOT / "docs" / document).is_file(), link


def test_nothing_leads_to_a_placeholder_or_to_the_exporter() -> None:
    for name, text in content_files(ContentOptions()):
        if not name.startswith("runbooks/"):
            assert "example.com" not in text, name
            assert "localhost:10046" not in text, name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--runbook-url", "wiki"], "--runbook-url: expected an address such as https://host/path"),
        (["--grafana-url", "https://a b"], "--grafana-url: expected an address"),
        (["--labels", "a-b"], "--labels: expected NAME or NAME=VALUE, got 'a-b'"),
        (["--labels", "instance"], "--labels: 'instance' has another meaning in the rules"),
        (["--job", 'a"b'], "--job: expected the name of a scrape job"),
        (["--scrape-interval", "6m"], "--scrape-interval: expected whole seconds from 1s to 5m"),
        (["--scrape-interval", "often"], "--scrape-interval: "),
        (["--without", "for"], "--without: expected keep_firing_for, got 'for'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    result = content("--out", str(tmp_path / "x"), *arguments)
    assert result.exit_code != 0
    assert expected in result.output + str(result.exception)
    assert not (tmp_path / "x").exists()
