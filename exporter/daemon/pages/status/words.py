"""The words of the status page: all sources in one sentence, each source in a few words."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporter.daemon.pages.overview.values import (
    CollectorOverview,
    LimitOverview,
    Overview,
    RecoveryOverview,
    SourceOverview,
)
from exporter.text import UNKNOWN, age, instant, number_of

STATES: Final[Mapping[str, str]] = {
    "above_limit": "above limit",
    "failing": "failing",
    "attention": "needs attention",
    "waiting": "not collected yet",
    "fine": "within limit",
}

CAUSES: Final[Mapping[str, str]] = {
    "age": "by age",
    "ownerless": "ownerless",
    "ghost": "ghost",
    "stale_in_list": "stale in list",
}

MODES: Final[Mapping[str, str]] = {"disabled": "off", "dry_run": "dry run", "auto": "automatic"}


@dataclass(frozen=True, slots=True)
class Headline:
    """The first sentence of the page, and how it is coloured: `bad`, `warn`, `quiet` or `good`."""

    text: str
    tone: str


def headline_of(overview: Overview) -> Headline:
    """All sources in one sentence, independent of the filter."""
    count = Counter[str](each.standing for each in overview.sources)
    total = number_of(len(overview.sources), "source", "sources")
    parts = []
    if above := count["above_limit"]:
        is_above = "is above its limit" if above == 1 else "are above their limit"
        parts.append(f"{above} of {total} {is_above}")
    if failing := count["failing"]:
        fails = "cannot be collected" if parts else f"of {total} cannot be collected"
        parts.append(f"{failing} {fails}")
    if attention := count["attention"]:
        parts.append(f"{attention} {'needs' if attention == 1 else 'need'} attention")
    if waiting := count["waiting"]:
        is_waiting = "is not collected yet" if waiting == 1 else "are not collected yet"
        parts.append(f"{waiting} {is_waiting}")
    if not parts:
        return Headline(f"All is well: {total} within limits", "good")
    tone = "bad" if above or failing else "warn" if attention else "quiet"
    return Headline(", ".join(parts), tone)


def title_of(overview: Overview) -> str:
    """The title of the page, for tabs in the background."""
    marked = overview.above_limit + overview.failing
    return f"({marked}) session-exporter" if marked else "session-exporter"


def state_of(source: SourceOverview) -> str:
    """The state of a source, in two words."""
    if source.standing == "fine" and source.limit.alert_above is None:
        return "no limit set"
    return STATES[source.standing]


def known(number: int | None) -> str:
    """A number of sessions, or that it is unknown."""
    return UNKNOWN if number is None else str(number)


def brief(seconds: float | None) -> str:
    """An age without the smaller unit where that is 0: "10m", and not "10m 0s"."""
    first, _, second = age(seconds).partition(" ")
    return first if re.fullmatch("0[a-z]", second) else age(seconds)


def since_of(limit: LimitOverview, now: float) -> str:
    """Since when a source is above its limit; empty where it is not."""
    if limit.above_since is None:
        return ""
    at_least = "at least " if limit.is_above_longer else ""
    return f"above for {at_least}{brief(max(now - limit.above_since, 0.0))}"


def trend_of(limit: LimitOverview) -> str:
    """Whether the orphans become more or fewer, and by how many; empty where it is not known."""
    if limit.trend is None:
        return ""
    if not limit.change or limit.trend_seconds is None:
        return limit.trend
    arrow = {"rising": "↗ ", "falling": "↘ ", "steady": ""}[limit.trend]
    return f"{arrow}{limit.trend} ({limit.change:+d} in {brief(limit.trend_seconds)})"


def active_collector(source: SourceOverview) -> CollectorOverview | None:
    """The one whose age is the age of the counts: the first."""
    return next(iter(source.collectors), None)


def lists_another_number(source: SourceOverview) -> bool:
    """Whether the listed orphans are not those that are counted: rows are read less often."""
    details = source.details
    if details is None or source.orphaned is None or details.orphans_are_cut:
        return False
    return bool(details.orphans) and len(details.orphans) != source.orphaned


def next_of(collector: CollectorOverview, now: float) -> str:
    """When a collector runs next."""
    if collector.next_at is None:
        return "running now" if collector.has_run else ""
    return f"next in {brief(collector.next_at - now)}" if collector.next_at > now else "next is due"


def recovery_of(recovery: RecoveryOverview) -> list[str]:
    """Recovery in a few words each: the mode, then obstacles to closing, then held sessions."""
    words = [MODES.get(recovery.mode, recovery.mode)]
    if recovery.pause is not None:
        words.append("paused")
    stops = [each.name for each in recovery.brakes if each.is_stop]
    brakes = [each.name for each in recovery.brakes if not each.is_stop]
    words += [f"stopped: {', '.join(stops)}"] if stops else []
    words += [f"braked: {', '.join(brakes)}"] if brakes else []
    words += [f"{recovery.held} held"] if recovery.held else []
    return words


def moment(timestamp: float | None) -> str:
    """A time, or a dash where there is none."""
    return UNKNOWN if timestamp is None else instant(timestamp)


def length_of(seconds: float) -> str:
    """How long a collection took: most take a few milliseconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
