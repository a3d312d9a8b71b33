"""What Grafana shows of a panel, by its own packages in node, on the answers of a real Prometheus.

The same as in a browser are the transformations, the overrides, the texts and the colors. The
frames are made in grafana_panels.cjs, as Grafana's data source for Prometheus makes them.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboards.exported_json import Json, substitute_variables
from tests.support.monitoring.programs import Prometheus, program
from tests.support.processes.session_exporter import environment

#: Where .ci/run installs it: npm install --prefix .venv/node @grafana/data
LIBRARY = Path(__file__).parents[3] / ".venv/node/node_modules/@grafana/data"
_SCRIPT = Path(__file__).with_name("grafana_panels.cjs")

Answers = dict[str, list[Json]]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A dashboard that is looked at: the end of its time range, and how long that is, in seconds.

    The points of a graph are a minute apart.
    """

    prometheus: Prometheus
    at: float
    seconds: int

    def ask(self, promql: str, values: Mapping[str, str], *, instant: bool) -> list[Json]:
        """Ask as Grafana does, with these values of the variables: `metric` and `values`."""
        taken = {"__range": f"{self.seconds}s", "__rate_interval": "10m", **values}
        form = [("query", substitute_variables(promql, taken))]
        if instant:
            found = self.prometheus.call("/api/v1/query", form=[*form, ("time", str(self.at))])
            return [
                {"metric": each["metric"], "values": [each["value"]]}
                for each in found["data"]["result"]
            ]
        form += [("start", str(self.at - self.seconds)), ("end", str(self.at)), ("step", "60")]
        answer = self.prometheus.call("/api/v1/query_range", form=form)
        return list(answer["data"]["result"])

    def answers(self, panel: Json, values: Mapping[str, str]) -> Answers:
        """Ask each query of a panel."""
        return {
            each["refId"]: self.ask(each["expr"], values, instant=each["instant"])
            for each in panel["targets"]
        }

    def show(self, *asked: tuple[Json, Mapping[str, str]]) -> list[Json]:
        """Show panels, each with values of its own for the variables."""
        return _show([(panel, self.answers(panel, values)) for panel, values in asked])


def _show(panels: Sequence[tuple[Json, Answers]]) -> list[Json]:
    node = program("node", "npm")
    if not LIBRARY.is_dir():
        reason = f"{LIBRARY} is missing: npm install --prefix .venv/node @grafana/data"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    asked: dict[str, Any] = {
        "library": str(LIBRARY),
        "panels": [{"panel": panel, "answers": answers} for panel, answers in panels],
    }
    done = subprocess.run(
        [node, _SCRIPT],
        input=json.dumps(asked),
        env=environment(_SCRIPT.parent),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown: list[Json] = json.loads(done.stdout)
    return shown
