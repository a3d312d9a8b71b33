"""The first query of a runbook has an answer in each test that asserts the alert's whole text."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.content.test_runbooks import TEXTS, blocks
from tests.support.monitoring.programs import program

ALERTS = Path(__file__).parents[2] / "alerts"

#: Prometheus without any target has no series to ask for.
SILENT = {("SessionsExporterAbsent", "1500m")}


def firing(name: str) -> dict[str, str]:
    """Each test in which the alert fires: what it asks instead, by the name of a file for it.

    As text, because YAML reads 0x10 as 16, and promtool as ten zeros more.
    """
    query = blocks(TEXTS[name], "promql")[0]
    made: dict[str, str] = {}
    for file in sorted(ALERTS.glob("*.test.yml")):
        head, *tests = re.split(
            r"^(?=  - name: )", file.read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        for number, test in enumerate(tests):
            (case,) = yaml.safe_load(head + test)["tests"]
            times = {
                check["eval_time"]
                for check in case.get("alert_rule_test", [])
                if check["alertname"] == name and check.get("exp_alerts")
            }
            asked = [
                {
                    "expr": f"count(count({query}))",
                    "eval_time": time,
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
                for time in sorted(times)
                if (name, time) not in SILENT
            ]
            series = re.split(r"^    (?:promql_expr|alert_rule)_test:", test, flags=re.MULTILINE)[0]
            if asked:
                text = f"{head}{series}    promql_expr_test: {json.dumps(asked)}\n"
                rules = str(ALERTS / "session-exporter.rules.yml")
                made[f"{file.name}-{number}"] = text.replace("session-exporter.rules.yml", rules)
    return made


@pytest.mark.parametrize("name", TEXTS)
def test_the_first_query_has_an_answer_wherever_the_alert_fires(name: str, tmp_path: Path) -> None:
    files = firing(name)
    assert files
    for file, text in files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "test", "rules", *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
