"""Session tables of real applications, through everything that an operator does with them.

Each folder of `known` is one: its table with rows of which the right answers are known, the
config that an operator would write, and these answers.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems.schemas import EXPORTER
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

FOLDER = Path(__file__).parent / "known"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


class Operator:
    """Runs commands on one application's database, and fails where one exits otherwise."""

    def __init__(self, database: EmbeddedDatabase, name: str, folder: Path) -> None:
        self.database = database
        self._config = FOLDER / name / "config.yaml"
        self._folder = folder

    def run(self, *words: str, exits: int = 0, role: str | None = None) -> str:
        dsn = self.database.dsn if role is None else self.database.dsn_for(role)
        done = run(*words, "-c", self._config, folder=self._folder, CASE_DSN=dsn, COLUMNS="250")
        said = done.stdout + done.stderr
        assert done.returncode == exits, f"{' '.join(words)}: {said}"
        return done.stdout

    def require(
        self, expected: Mapping[str, Any], *, exits: int = 0, role: str | None = None
    ) -> None:
        """Collect once and compare the numbers."""
        text = self.run("once", "--format", "prometheus", exits=exits, role=role)
        samples = [
            each for family in text_string_to_metric_families(text) for each in family.samples
        ]
        for source, values in expected.items():
            for key, value in values.items():
                name, _, rest = key.partition("{")
                labels = {"source": source, "database": "app"}
                labels |= dict(re.findall(r'(\w+)="([^"]*)"', rest))
                found = [
                    each.value
                    for each in samples
                    if each.name == f"sessions_{name}" and labels.items() <= each.labels.items()
                ]
                assert sum(found) == value, f"{source} {key}: {found}"

    def table(self, name: str) -> object:
        return rows(self.database, f"SELECT t::text FROM {name} AS t ORDER BY 1")


@pytest.mark.quick("pg18-woodpecker")
@pytest.mark.parametrize("name", NAMES)
def test_an_application_is_counted_listed_closed_and_undone(
    any_database: EmbeddedDatabase, name: str, tmp_path: Path
) -> None:
    expected = yaml.safe_load((FOLDER / name / "expected.yaml").read_text(encoding="utf-8"))
    operator = Operator(any_database, name, tmp_path)
    execute(any_database, (FOLDER / name / "schema.sql").read_text(encoding="utf-8"))
    operator.run("check")
    execute(any_database, operator.run("sql", "audit"))
    live = operator.run("check", "--live", exits=expected.get("live", 0))
    for words in expected.get("live_says", []):
        assert words in live
    operator.require(expected["metrics"], exits=expected.get("once", 0))
    for source, values in expected["metrics"].items():
        (listed,) = json.loads(operator.run("orphans", source, "--format", "json"))
        assert len(listed["orphans"]) == values["orphaned"]
    require_printed_role(operator, expected)
    for source in expected.get("index", []):
        execute(any_database, *operator.run("sql", "index", source).split(";\n"))
    for source, recovery in expected.get("recover", {}).items():
        require_recovery(operator, source, recovery)


def require_printed_role(operator: Operator, expected: Mapping[str, Any]) -> None:
    """The printed role collects the same."""
    server = operator.database.server
    require_role(server, RECOVERY_ROLE)
    execute(operator.database, operator.run("sql", "role"))
    operator.require(expected["metrics"], exits=expected.get("once", 0), role=EXPORTER)


def require_recovery(operator: Operator, source: str, expected: Mapping[str, Any]) -> None:
    """The plan changes nothing, what it says is done, and undo restores every row."""
    before, flags = operator.table(expected["table"]), expected.get("flags", [])
    plan = operator.run("recover", source, *flags, exits=expected.get("plan_exit", 0))
    assert operator.table(expected["table"]) == before
    if "planned" in expected:
        planned = re.search(r"^\s*(\d+) would be closed", plan, re.MULTILINE)
        assert planned, plan
        assert int(planned[1]) == expected["planned"], plan
    exits = expected.get("yes_exit", 0)
    operator.run("recover", source, "--yes", "--pause", "0", *flags, exits=exits)
    for query, value in expected.get("after", {}).items():
        assert rows(operator.database, query) == [(value,)], query
    runs = rows(operator.database, "SELECT DISTINCT run::text FROM session_exporter.recovery")
    for (name,) in runs:
        operator.run("undo", name, "--yes")
    assert operator.table(expected["table"]) == before
