"""`session-exporter content`: rules, dashboards and runbooks for a monitoring system."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from exporter.cli.options import duration, plain_text
from exporter.content import options as chosen
from exporter.content.files import write_content
from exporter.content.options import ContentOptions, RulesFormat

_DEFAULTS = ContentOptions()


def content(  # noqa: PLR0917 - typer passes them by name
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Write into this folder, and replace its files."),
    ],
    format_: Annotated[
        RulesFormat,
        typer.Option("--format", help="Write rules for Prometheus, or a PrometheusRule."),
    ] = RulesFormat.PROMETHEUS,
    job: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Expect an exporter in this scrape job."),
    ] = None,
    runbook_url: Annotated[
        str,
        typer.Option(metavar="URL", help="Link the runbooks in this folder.", show_default=False),
    ] = _DEFAULTS.runbook_url,
    grafana_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Link the dashboards of this Grafana."),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Separate also by NAME; add NAME=VALUE to alerts."),
    ] = "",
    scrape_interval: Annotated[
        str,
        typer.Option(metavar="DURATION", help="Longest scrape interval of Prometheus."),
    ] = "1m",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="FEATURE", help="Omit a feature of rulers: keep_firing_for."),
    ] = None,
    command_prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Prefix of commands in alerts and runbooks, "
            "such as 'kubectl exec deploy/session-exporter --'.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Write alert rules, dashboards and runbooks.

    All files come from this installation; no connection is opened.
    """
    separating, alert_labels = chosen.parse_labels(labels)
    interval = duration("--scrape-interval", scrape_interval)
    options = ContentOptions(
        format=format_,
        job=None if job is None else chosen.parse_job(job),
        runbook_url=chosen.parse_url("--runbook-url", runbook_url),
        grafana_url=None if grafana_url is None else chosen.parse_url("--grafana-url", grafana_url),
        separating=separating,
        alert_labels=alert_labels,
        scrape_interval=chosen.parse_scrape_interval(interval or 0),
        keep_firing_for=chosen.parse_without(without or ()),
        command_prefix=chosen.parse_command_prefix(plain_text("--command-prefix", command_prefix)),
    )
    _print_written(out, write_content(options, out))


def _print_written(out: Path, paths: list[Path]) -> None:
    """One line for each file at the top, and one for each folder in it."""
    for path in paths:
        if path.parent == out:
            print(path)
    for folder, count in Counter(path.parent for path in paths if path.parent != out).items():
        print(f"{folder}: {count} files")
