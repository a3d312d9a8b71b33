"""A whole dashboard as Classic JSON, the format that every Grafana from 10 on reads.

The SDK omits some fields, and writes others that only newer versions of Grafana read: both are
corrected here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from dashboards import links
from dashboards.layout import Row, place

#: The version of Grafana 11.0. Newer versions migrate it; older ones ignore unknown fields.
SCHEMA_VERSION = 39

Json = dict[str, Any]

#: The defaults that Grafana writes into every variable.
_VARIABLE_DEFAULTS: Json = {"current": {}, "hide": 0, "options": [], "regex": ""}


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard: its uid, description, variables, annotations, and rows from top to bottom."""

    uid: str
    description: str
    variables: Sequence[dashboard.VariableModel]
    annotations: Sequence[dashboard.AnnotationQuery]
    rows: Sequence[Row]


def format_json(page: Page) -> str:
    """Return the content of the JSON file: reproducible, with a newline at its end."""
    return json.dumps(build_json(page), indent=2, ensure_ascii=False) + "\n"


def build_json(page: Page) -> Json:
    """Return the dashboard as parsed from JSON."""
    built = (
        builders.Dashboard(links.TITLES[page.uid])
        .uid(page.uid)
        .description(page.description)
        .tags(["session-exporter"])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("browser")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .build()
    )
    built.schema_version = SCHEMA_VERSION
    built.templating = dashboard.DashboardDashboardTemplating(list(page.variables))
    built.annotations = dashboard.AnnotationContainer(list(page.annotations))
    built.links = links.list_links(page.uid, [each.name for each in page.variables])
    built.panels = place(page.rows)
    found: Json = json.loads(json.dumps(built, cls=JSONEncoder))
    found["id"] = None  # each Grafana assigns its own number; the uid identifies the dashboard
    _complete(found)
    return dict(sorted(found.items()))


def _complete(found: Json) -> None:
    for panel in _panels(found):
        if "repeat" not in panel:
            panel.pop("repeatDirection", None)
        for each in panel.get("links", ()):
            for name in each.keys() - {"title", "url", "targetBlank"}:
                del each[name]  # only links of dashboards have these
        for target in panel.get("targets", ()):
            target.setdefault("range", not target.get("instant", False))
            target.setdefault("instant", False)
            target["editorMode"] = "code"
    for variable in found["templating"]["list"]:
        for name in ("auto", "auto_min", "auto_count"):
            variable.pop(name, None)  # only interval variables have these
        for name, value in _VARIABLE_DEFAULTS.items():
            variable.setdefault(name, value)
    for each in (*found["links"], *found["annotations"]["list"]):
        each.pop("placement", None)  # moves it into a menu, from Grafana 12.3 on
    for each in found["annotations"]["list"]:
        if not each.get("builtIn"):
            each.pop("builtIn", None)


def _panels(found: Json) -> Iterator[Json]:
    for panel in found["panels"]:
        yield panel
        yield from panel.get("panels", ())
