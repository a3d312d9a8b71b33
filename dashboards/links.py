"""Links from a dashboard: other dashboards, runbooks, the status page of an exporter."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard

from dashboards.queries import DATABASE_KEYS, SOURCE_KEYS
from exporter.content import options

#: The same as in the rules; `session-exporter content --runbook-url` replaces it.
RUNBOOKS = f"{options.RUNBOOKS}/"

OVERVIEW = "sessions-overview"
SOURCE = "sessions-source"
EXPORTER = "session-exporter"
TITLES = {
    OVERVIEW: "Sessions: overview",
    SOURCE: "Sessions: one source",
    EXPORTER: "Session exporter",
}

#: Variables whose values a link to a dashboard passes on. A source is chosen in a row of a table:
#: its dashboard takes one value for each variable, and the others may have several.
_KEPT_VARIABLES = {
    OVERVIEW: ("datasource", *DATABASE_KEYS),
    SOURCE: ("datasource",),
    EXPORTER: ("datasource", *DATABASE_KEYS),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a panel or a value; a URL in the same Grafana begins with a slash."""

    title: str
    url: str
    new_tab: bool = True

    def to_json(self) -> dict[str, object]:
        """Write it for the SDK's encoder; the SDK's own link has fields for dashboards only."""
        return {"title": self.title, "url": self.url, "targetBlank": self.new_tab}

    def as_dashboard_link(self, icon: str) -> dashboard.DashboardLink:
        """Make it a link at the top of a dashboard; within Grafana it keeps the time range."""
        return dashboard.DashboardLink(
            title=self.title,
            url=self.url,
            type_val=dashboard.DashboardLinkType.LINK,
            icon=icon,
            target_blank=self.new_tab,
            keep_time=not self.new_tab,
        )


def to_source() -> Link:
    """Link a row of a table to the dashboard of its source, with the same time range."""
    return Link("Sessions of this source", _row_url(SOURCE, SOURCE_KEYS), new_tab=False)


def to_database() -> Link:
    """Link a row of a table to the dashboard of the exporter, filtered by its database."""
    url = _row_url(EXPORTER, DATABASE_KEYS)
    return Link("Collections from this database", url, new_tab=False)


def to_runbook() -> Link:
    """Link an alert in a table to its runbook."""
    return Link("Runbook", f"{RUNBOOKS}${{__data.fields.alertname}}.md")


def to_exporter_page() -> Link:
    """Link a target in a table to the status page of that exporter."""
    return Link("Status page of the exporter", "http://${__data.fields.instance}/")


def _row_url(uid: str, keys: Sequence[str]) -> str:
    """Address a dashboard for the row of a table, by the row's own labels.

    For a label that the row does not have, Grafana puts an empty text, which selects the series
    without that label.
    """
    row = "&".join(f"var-{name}=${{__data.fields.{name}:percentencode}}" for name in keys)
    return f"/d/{uid}?${{datasource:queryparam}}&{row}&${{__url_time_range}}"


def list_links(uid: str, variables: Sequence[str]) -> list[dashboard.DashboardLink]:
    """List the links at the top of a dashboard that has these variables."""
    found = []
    for other, title in TITLES.items():
        if other != uid:
            taken = [name for name in _KEPT_VARIABLES[other] if name in variables]
            query = "&".join(f"${{{name}:queryparam}}" for name in taken)
            top = Link(title, f"/d/{other}?{query}", new_tab=False)
            found.append(top.as_dashboard_link("dashboard"))
    return [*found, Link("Runbooks", RUNBOOKS).as_dashboard_link("doc")]
