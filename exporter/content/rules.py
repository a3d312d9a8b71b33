"""The recording and alert rules as YAML, from the templates of their groups."""

from collections.abc import Callable, Sequence

from exporter.content.commands import prefix_in_rules
from exporter.content.labels import IDENTIFYING, PLACE, REPLICA
from exporter.content.options import ContentOptions, RulesFormat
from exporter.content.template import render

#: The groups in the order in which they are read, and evaluated in tests: a group reads what those
#: before it record. At most 20 rules each, which is what Mimir and Grafana Cloud take by default.
GROUPS = (
    "exporters",
    "collections",
    "orphaned",
    "sessions",
    "daily",
    "recovery",
    "service-level",
    "starts",
    "restarts",
)

#: Scrapes in the window over which every value is smoothed, and seconds at least: two scrapes may
#: be missed, an exporter may restart, and samples may reach a ruler late.
SMOOTHED_SCRAPES, SMOOTHED_SECONDS = 3, 60

#: Scrapes, and at least seconds, for which the config of an exporter is known after the latter has
#: stopped to count as up: so it is first known to be down, also where a group is a step of a minute
#: late.
SETTLED_SCRAPES, SETTLED_SECONDS = 2, 120

#: Seconds between the steps of a subquery in that window, at most: two lie between two scrapes.
LONGEST_STEP_SECONDS = 30

_INDENT = " " * 10


def write_rules(options: ContentOptions) -> str:
    """The file of rules: for Prometheus, or as a PrometheusRule with the format `operator`."""
    values = _values(options)
    head = render("rules/head.yml", values)
    groups = "\n".join(render(f"rules/groups/{name}.yml", values) for name in GROUPS)
    rules = prefix_in_rules(f"{head}\ngroups:\n{groups}", options.command_prefix)
    return rules if options.format is RulesFormat.PROMETHEUS else _as_resource(rules, options)


def duration(seconds: int) -> str:
    """Write it as Prometheus does where it is whole minutes: 180 is 3m, and 90 is 90s."""
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _values(options: ContentOptions) -> dict[str, object]:
    window = max(SMOOTHED_SCRAPES * options.scrape_interval, SMOOTHED_SECONDS)
    settling = max(SETTLED_SCRAPES * options.scrape_interval, SETTLED_SECONDS)
    return {
        "replicas": ", ".join(REPLICA),
        "separating": ", ".join(options.separating),
        "identifying": ", ".join(IDENTIFYING),
        "window": duration(window),
        "step": duration(max(min(options.scrape_interval // 2, LONGEST_STEP_SECONDS), 1)),
        "settled": duration(window + settling),
        "scrape_interval": duration(options.scrape_interval),
        "job": options.job,
        "keep_firing_for": options.keep_firing_for,
        "severity": _severity(options),
        "links": _links(options),
        "of": _selector(options.separating),
    }


def _severity(options: ContentOptions) -> Callable[[str], str]:
    def severity(name: str) -> str:
        """The labels of an alert."""
        more = [f"{label}: {_quoted(text)}" for label, text in options.alert_labels.items()]
        return f"\n{_INDENT}".join([f"severity: {name}", *more])

    return severity


def _links(options: ContentOptions) -> Callable[[str, str], str]:
    def links(alert: str, dashboard: str) -> str:
        """The annotations that lead to the runbook and, where Grafana is, to a dashboard."""
        found = [f"runbook_url: {options.runbook_url}/{alert}.md"]
        if options.grafana_url is not None:
            # All labels that the alert has, whichever they are: a name may hold anything. Of the
            # place of its job also those that it lacks, or Grafana would choose the first cluster.
            places = "".join(
                f"{{{{ if not $labels.{name} }}}}var-{name}=&{{{{ end }}}}" for name in PLACE
            )
            query = (
                f"{{{{ if $labels.job }}}}{places}{{{{ end }}}}"
                '{{ range $name, $value := $labels }}{{ if ne $name "__name__" }}'
                "var-{{ $name }}={{ $value | urlquery }}&{{ end }}{{ end }}"
            )
            found.append(f"dashboard_url: {options.grafana_url}/d/{dashboard}?{query}")
        return f"\n{_INDENT}".join(found)

    return links


def _selector(separating: Sequence[str]) -> Callable[..., str]:
    def of(*more: str, name: str = "of") -> str:
        """Set $of to the matchers of what the alert is about, for the queries of its text."""
        labels = (*separating, *more)
        matchers = ",".join(f"{label}=%q" for label in labels)
        values = " ".join(f"$labels.{label}" for label in labels)
        return f"{{{{- ${name} := printf `{matchers}` {values} -}}}}"

    return of


def _as_resource(rules: str, options: ContentOptions) -> str:
    comments, _, groups = rules.partition("\ngroups:\n")
    labels = "".join(
        f"\n    {name}: {_quoted(text)}" for name, text in options.alert_labels.items()
    )
    metadata = "metadata:\n  name: session-exporter" + (f"\n  labels:{labels}" if labels else "")
    kind = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule"
    indented = "".join(
        f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True)
    )
    return f"{comments}\n{kind}\n{metadata}\nspec:\n  groups:\n{indented}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
