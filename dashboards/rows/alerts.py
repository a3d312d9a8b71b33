"""Which alerts fire: the one thing that comes from the rules file and not from the exporter."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import BAD, PLAIN, WARNING, About, Levels, States
from dashboards.columns import Column
from dashboards.links import to_database, to_runbook, to_source
from dashboards.panels import single, states
from dashboards.queries import PLACE, Query, Scope
from dashboards.tables import table

#: There as soon as the rules have seen an exporter, and held while that is down or cannot count:
#: tells "none" from "no rules".
_RULES_ARE_LOADED = "sessions:orphaned_after_seconds"
#: By name, `info` would be before `warning`: a table sorts by these, and shows what they mean.
_SEVERITIES: States = {"1": ("critical", BAD), "2": ("warning", WARNING), "3": ("info", PLAIN)}
_ACT = "follow the alert's runbook: click its name in the table of firing alerts."


def count(scope: Scope) -> dashboard.Panel:
    """Say how many alerts fire, pages apart from tickets."""
    none = f"0 * count({_RULES_ARE_LOADED})"

    def of(severity: str) -> str:
        fires = f'alertstate="firing",severity="{severity}"'
        return f"count({scope.alert_series(fires)}) or {none}"

    about = About(
        "Alerts",
        shows="How many alerts fire now: those that page somebody, and those that can wait.",
        act=_ACT,
        no_data="rules not loaded?",
    )
    queries = [Query("page", of("critical")), Query("ticket", of("warning"))]
    return single(
        about, queries, unit="none", levels=Levels(warning=1), levels_of={0: Levels(bad=1)}
    )


def firing(scope: Scope, *, width: int, height: int) -> dashboard.Panel:
    """List the alerts that fire, each with its runbook and its source."""
    alerts = scope.alert_series('alertstate="firing"')
    since = scope.alert_series(name="ALERTS_FOR_STATE")
    about = About(
        "Firing alerts",
        shows="What fires now, and since when its condition holds. A click on the alert opens its "
        "runbook, one on a source or database its dashboard.",
        act="begin with what is critical. While a database or an exporter is down, what is said "
        "about its sources is old.",
        no_data="no alert fires, or the rules are not loaded",
    )
    expression = f"1000 * {since} * ignoring (alertstate) {alerts}"
    for rank, (severity, _) in _SEVERITIES.items():
        expression = f'label_replace({expression}, "severity", "{rank}", "severity", "{severity}")'
    column = Column("since", expression, unit="dateTimeFromNow")
    return table(
        about,
        [column],
        labels=["alertname", "severity", "source", "database"],
        links={"alertname": [to_runbook()], "source": [to_source()], "database": [to_database()]},
        meanings={"severity": _SEVERITIES},
        sort="severity",
        descending=False,
        width=width,
        height=height,
    )


_MEANINGS: States = {"1": ("pending", WARNING), "2": ("firing", BAD), "0": ("quiet", PLAIN)}


def over_time(scope: Scope, *, width: int = 24, height: int = 6) -> dashboard.Panel:
    """Show when each alert was pending, and when it fired."""
    pending, fires = (
        scope.alert_series(f'alertstate="{state}"') for state in ("pending", "firing")
    )
    about = About(
        "Alerts over time",
        shows="Since when an alert is pending (its condition holds) or fires (it holds for long "
        "enough).",
        act="what began at the same time often has one cause; a deployment or an exporter's start "
        "is marked on every graph.",
        no_data="no alert in this time, or the rules are not loaded",
    )
    expression = f"max without (alertstate) (2 * {fires} or {pending})"
    query = Query(
        "{{alertname}} {{source}} {{database}} {{collector}} {{brake}} " + PLACE, expression
    )
    return states(about, query, _MEANINGS, width=width, height=height)
