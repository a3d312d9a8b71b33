"""What can be chosen of the content, checked: intervals, labels, addresses, a job."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from exporter import __version__
from exporter.content.labels import REPLICA, SEPARATING
from exporter.errors import UsageError

#: The public repository; its tags are v0.1.0 and the like.
REPOSITORY = "https://github.com/session-exporter/session-exporter"

#: Where the documents of this version are read: not at the exporter, which may be down.
DOCUMENTS = f"{REPOSITORY}/blob/v{__version__}/docs"
RUNBOOKS = f"{DOCUMENTS}/runbooks"

#: How often Prometheus scrapes the exporter, in seconds, and the longest the rules can follow.
SCRAPE_INTERVAL, LONGEST_SCRAPE_INTERVAL = 60, 300

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RulesFormat(StrEnum):
    """Who reads the rules: Prometheus, or the Prometheus operator in Kubernetes."""

    PROMETHEUS = "prometheus"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class ContentOptions:
    """How the content is written; the defaults are what is committed in the repository."""

    format: RulesFormat = RulesFormat.PROMETHEUS
    job: str | None = None
    """The name of the scrape job; None: every job that serves session_exporter_build_info."""
    runbook_url: str = RUNBOOKS
    """The folder of the runbooks, without a slash at its end."""
    grafana_url: str | None = None
    """The address of Grafana, without a slash at its end; None: alerts link no dashboard."""
    separating: tuple[str, ...] = SEPARATING
    alert_labels: dict[str, str] = field(default_factory=dict)
    """Added to each alert, and to the metadata of a PrometheusRule."""
    scrape_interval: int = SCRAPE_INTERVAL
    """In seconds."""
    keep_firing_for: bool = True
    """Whether the ruler knows it: Prometheus from 2.42 on."""
    command_prefix: str = ""
    """Precedes each command in alerts and runbooks, such as `kubectl exec deploy/x --`."""


def parse_labels(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Split `site,team=web` into further separating labels and labels of alerts.

    Raises UsageError.
    """
    names: list[str] = []
    values: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, sign, value = part.partition("=")
        if not _LABEL.fullmatch(name):
            raise UsageError(f"--labels: expected NAME or NAME=VALUE, got '{part}'")
        if name in REPLICA or name in {"severity", "alertname", "database", "source"}:
            raise UsageError(f"--labels: '{name}' has another meaning in the rules")
        if sign:
            values[name] = value
        else:
            names.append(name)
    return tuple(dict.fromkeys((*SEPARATING, *names))), values


def parse_url(option: str, text: str) -> str:
    """The address without a slash at its end; raises UsageError."""
    if not re.fullmatch(r"https?://[^\s'\"{}]+", text):
        raise UsageError(f"{option}: expected an address such as https://host/path, got '{text}'")
    return text.rstrip("/")


def parse_job(text: str) -> str:
    """The name of a scrape job; raises UsageError."""
    if not text.strip() or re.search(r'["\\{}\n]', text):
        raise UsageError(f"--job: expected the name of a scrape job, got '{text}'")
    return text


def parse_command_prefix(text: str) -> str:
    """The prefix of commands; raises UsageError.

    In an alert braces would be a template, and a line break would end the command.
    """
    if re.search(r"[{}\x00-\x1f\x7f]", text):
        raise UsageError(
            f"--command-prefix: expected one line without braces, such as "
            f"'kubectl exec deploy/session-exporter --', got {text!a}"
        )
    return text.strip()


def parse_scrape_interval(seconds: float) -> int:
    """Whole seconds, from 1 to five minutes; raises UsageError."""
    if not 1 <= seconds <= LONGEST_SCRAPE_INTERVAL or seconds != int(seconds):
        raise UsageError(
            f"--scrape-interval: expected whole seconds from 1s to 5m, got {seconds:g} seconds"
        )
    return int(seconds)


def parse_without(features: Iterable[str]) -> bool:
    """Whether `keep_firing_for` is written: not where it is listed; raises UsageError."""
    listed = set(features)
    if unknown := sorted(listed - {"keep_firing_for"}):
        raise UsageError(f"--without: expected keep_firing_for, got '{unknown[0]}'")
    return not listed
