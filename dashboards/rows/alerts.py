"""Alerts that fire. Only these panels need the rules file; all others use exporter metrics."""

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_runbook, to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_stat, build_states
from dashboards.panels.tables import build_table
from dashboards.panels.text import BAD, PLAIN, WARNING, Levels, PanelText, States
from dashboards.queries import PLACE, SEPARATING, Query, Scope

#: Exists once the rules have seen an exporter, also while that is down or cannot count:
#: distinguishes "no alert" from "no rules".
_RULES_ARE_LOADED = "sessions:source_configured"
#: Tables sort by these ranks and show the names: sorted by name, `info` would precede `warning`.
_SEVERITIES: States = {"1": ("critical", BAD), "2": ("warning", WARNING), "3": ("info", PLAIN)}
_ACT = "follow the alert's runbook: click its name in the table of firing alerts."


def count(scope: Scope) -> dashboard.Panel:
    """Show how many alerts fire, pages and tickets separately."""
    none = f"0 * count({_RULES_ARE_LOADED})"

    def of(severity: str) -> str:
        fires = f'alertstate="firing",severity="{severity}"'
        return f"count({scope.alert_series(fires)}) or {none}"

    text = PanelText(
        "Alerts",
        shows="How many alerts fire now: those that page, and those that can wait.",
        act=_ACT,
        no_data="rules not loaded?",
    )
    queries = [Query("page", of("critical")), Query("ticket", of("warning"))]
    return build_stat(
        text, queries, unit="none", levels=Levels(warning=1), levels_of={0: Levels(bad=1)}
    )


def firing(scope: Scope, *, width: int, height: int) -> dashboard.Panel:
    """List the alerts that fire, each with its runbook and its source."""
    text = PanelText(
        "Firing alerts",
        shows="The alerts that fire now, and since when their condition holds. A click on an alert "
        "opens its runbook, a click on a source or database its dashboard.",
        act="begin with critical alerts. While a database or an exporter is down, alerts about "
        "its sources rest on old data.",
        no_data="no alert fires, or the rules are not loaded",
    )
    # Pages first, and of the same severity the newest.
    every, pages = _firing_since(scope), _firing_since(scope, 'severity="critical"')
    expression = scope.worst(every, f"(2 * {pages} or {every})")
    for rank, (severity, _) in _SEVERITIES.items():
        expression = f'label_replace({expression}, "severity", "{rank}", "severity", "{severity}")'
    column = Column("since", expression, "dateTimeFromNow")
    return build_table(
        text,
        [column],
        labels=["alertname", "severity", "source", "database"],
        last=("collector", "kind", "brake", "evidence", *SEPARATING),
        links={"alertname": [to_runbook()], "source": [to_source()], "database": [to_database()]},
        meanings={"severity": _SEVERITIES},
        sort="severity",
        descending=False,
        width=width,
        height=height,
    )


def _firing_since(scope: Scope, more: str = "") -> str:
    """Since when the condition of each firing alert holds, in milliseconds as Grafana's times."""
    since = scope.alert_series(more, name="ALERTS_FOR_STATE")
    fires = scope.alert_series(",".join(filter(None, ['alertstate="firing"', more])))
    return f"1000 * {since} * ignoring (alertstate) {fires}"


_MEANINGS: States = {"1": ("pending", WARNING), "2": ("firing", BAD), "0": ("quiet", PLAIN)}


def over_time(scope: Scope, *, width: int = 24, height: int = 6) -> dashboard.Panel:
    """Show when each alert was pending, and when it fired."""
    pending, fires = (
        scope.alert_series(f'alertstate="{state}"') for state in ("pending", "firing")
    )
    text = PanelText(
        "Alerts over time",
        shows="When each alert was pending (its condition held) and firing (it held for long "
        "enough).",
        act="alerts that began at the same time often have one cause; starts of the exporter are "
        "marked on every graph.",
        no_data="no alert in this time, or the rules are not loaded",
    )
    expression = f"max without (alertstate) (2 * {fires} or {pending})"
    # Those that fired for longest, and then those that were pending.
    longest = f"1000 * {_samples(fires)} or {_samples(pending)}"
    shown = scope.worst(expression, f"max without (alertstate) ({longest})")
    query = Query("{{alertname}} {{source}} {{database}} {{collector}} {{brake}} " + PLACE, shown)
    return build_states(text, query, _MEANINGS, width=width, height=height)


def _samples(series: str) -> str:
    return f"count_over_time({series}[$__range] @ end())"
