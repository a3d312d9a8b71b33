"""Where one can go from a dashboard: other dashboards, runbooks, the exporter's own page."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard

#: The same in alerts/session-exporter.rules.yml. docs/dashboards.md says how to replace it.
RUNBOOKS = "https://runbooks.example.com/session-exporter/"

OVERVIEW = "sessions-overview"
SOURCE = "sessions-source"
EXPORTER = "session-exporter"
TITLES = {
    OVERVIEW: "Sessions: overview",
    SOURCE: "Sessions: one source",
    EXPORTER: "Session exporter",
}

#: What a dashboard takes over from the one that the reader comes from. A source is another matter:
#: it is chosen in a row of a table.
_TAKEN_OVER = {
    OVERVIEW: ("datasource", "job", "database"),
    SOURCE: ("datasource", "job"),
    EXPORTER: ("datasource", "job", "database"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a panel or a value; an address in the same Grafana begins with a slash."""

    title: str
    url: str
    new_tab: bool = True

    def to_json(self) -> dict[str, object]:
        """Write it for the SDK's encoder. The SDK's own would bring what only dashboards have."""
        return {"title": self.title, "url": self.url, "targetBlank": self.new_tab}

    def at_the_top(self, icon: str) -> dashboard.DashboardLink:
        """Make it a link of the dashboard, which keeps the time that is shown."""
        return dashboard.DashboardLink(
            title=self.title,
            url=self.url,
            type_val=dashboard.DashboardLinkType.LINK,
            icon=icon,
            target_blank=self.new_tab,
            keep_time=not self.new_tab,
        )


def to_source() -> Link:
    """Go from a table's row to the dashboard of its source, and stay in the same time."""
    row = "var-database=${__data.fields.database}&var-source=${__data.fields.source}"
    taken = "${datasource:queryparam}&${job:queryparam}"
    url = f"/d/{SOURCE}?{taken}&{row}&${{__url_time_range}}"
    return Link("Sessions of this source", url, new_tab=False)


def to_database() -> Link:
    """Go from a table's row to the exporter's dashboard, for the row's database alone."""
    url = f"/d/{EXPORTER}?${{datasource:queryparam}}&var-database=${{__data.fields.database}}"
    return Link("Collections from this database", f"{url}&${{__url_time_range}}", new_tab=False)


def to_runbook() -> Link:
    """Go from an alert in a table to what to do about it."""
    return Link("Runbook", f"{RUNBOOKS}${{__data.fields.alertname}}.md")


def to_exporter_page() -> Link:
    """Go from a target in a table to the exporter's own page."""
    return Link("The exporter's own page", "http://${__data.fields.instance}/")


def between(uid: str, variables: Sequence[str]) -> list[dashboard.DashboardLink]:
    """List the links at the top of a dashboard that has these variables."""
    found = []
    for other, title in TITLES.items():
        if other != uid:
            taken = [name for name in _TAKEN_OVER[other] if name in variables]
            query = "&".join(f"${{{name}:queryparam}}" for name in taken)
            top = Link(title, f"/d/{other}?{query}", new_tab=False)
            found.append(top.at_the_top("dashboard"))
    return [*found, Link("Runbooks", RUNBOOKS).at_the_top("doc")]
