"""Reads the exported JSON: its panels, and every PromQL expression with its place.

For the tests, which check the files that users install.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

Json = dict[str, Any]

FILES = tuple(sorted((Path(__file__).parent / "json").glob("*.json")))

_LABEL_VALUES = re.compile(r"label_values\((?P<series>.+), *(?P<label>\w+)\)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::(?P<format>\w+))?\}|(?P<plain>\w+))")
#: What Grafana escapes, with one backslash, where the format of a variable is `regex`.
_SPECIAL = re.compile(r"[\\^$*+?.()|[\]{}/]")


@dataclass(frozen=True, slots=True)
class Expression:
    """PromQL with Grafana's variables in it. For a variable, `label` names the label to list."""

    dashboard: str
    place: str
    promql: str
    kind: Literal["range", "instant", "annotation", "variable"]
    label: str = ""

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.place}"


def load(path: Path) -> Json:
    """Parse one file."""
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


def find_panels(dashboard: Json) -> Iterator[Json]:
    """Yield each panel, those in collapsed rows included, without the rows themselves."""
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", ())


def find_expressions(dashboard: Json) -> Iterator[Expression]:
    """Yield the queries of panels, annotations and variables."""
    uid = dashboard["uid"]
    for panel in find_panels(dashboard):
        for target in panel["targets"]:
            place = f"panel {panel['title']}, query {target['refId']}"
            kind: Literal["instant", "range"] = "instant" if target["instant"] else "range"
            yield Expression(uid, place, target["expr"], kind)
    for each in dashboard["annotations"]["list"]:
        if "expr" in each:
            yield Expression(uid, f"annotation {each['name']}", each["expr"], "annotation")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            parsed = _LABEL_VALUES.fullmatch(variable["query"])
            if parsed is None:
                raise ValueError(f"{uid}: variable {variable['name']}: {variable['query']}")
            place = f"variable {variable['name']}"
            yield Expression(uid, place, parsed["series"], "variable", parsed["label"])


def keep_known_fields(dashboard: Json) -> Json:
    """Keep only the fields that the SDK knows; it is generated from Grafana's own schema."""
    plugins.register_default_plugins()
    known = models.Dashboard.from_json(dashboard)
    found: Json = json.loads(json.dumps(known, cls=JSONEncoder))
    return found


def find_variables(text: str) -> set[str]:
    """List the variables that an expression or a URL uses."""
    return {found["braced"] or found["plain"] for found in _VARIABLE.finditer(text)}


def substitute_variables(promql: str, values: Mapping[str, str]) -> str:
    """Replace variables by values, as Grafana does; KeyError for a variable without a value."""

    def put(found: re.Match[str]) -> str:
        value = values[found["braced"] or found["plain"]]
        return _SPECIAL.sub(r"\\\g<0>", value) if found["format"] == "regex" else value

    return _VARIABLE.sub(put, promql)
