"""The notices of a source that are visible without opening it: failures, stops, pauses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from exporter.daemon.pages.overview.commands import ShownCommand
from exporter.daemon.pages.overview.values import SourceOverview
from exporter.text import number_of

Tone = Literal["bad", "warn", "note"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence beside a source, and the next commands."""

    tone: Tone
    text: str
    commands: tuple[ShownCommand, ...] = ()


def notices_of(source: SourceOverview) -> list[Notice]:
    """The worst first."""
    return [*_of_collectors(source), *_of_evidence(source), *_of_recovery(source)]


def _of_collectors(source: SourceOverview) -> Iterator[Notice]:
    """One for all collectors that fail alike: a database that is down fails each of them."""
    failed = dict[str, list[str]]()
    gone = set[str]()
    for each in source.collectors:
        why = each.failure or each.reason
        if why is not None:
            failed.setdefault(why, []).append(each.collector)
            gone |= set() if each.is_fresh else {why}
    for why, collectors in failed.items():
        tone: Tone = "bad" if why in gone else "warn"
        yield Notice(tone, f"Collecting {', '.join(collectors)} failed: {why}")


def _of_evidence(source: SourceOverview) -> Iterator[Notice]:
    for each in source.evidence:
        if not each.is_known:
            kind = "Owners" if each.kind == "owners" else "List"
            why = f": {each.why}" if each.why else ""
            yield Notice("warn", f"{kind} {each.name}: unknown, so age alone decides{why}")
        elif each.never_listed and source.recovery.mode != "disabled":
            dead = ("dead owner", "dead owners") if each.kind == "owners" else ("ghost", "ghosts")
            yield Notice(
                "note",
                f"{number_of(each.never_listed, *dead)}, which no answer of {each.name} has had "
                "since the start: closed by age alone",
            )


def _of_recovery(source: SourceOverview) -> Iterator[Notice]:
    """Each sentence, and after the last one the next commands."""
    recovery = source.recovery
    if recovery.mode == "disabled":
        return
    if recovery.reason is not None:
        yield Notice("bad", f"Recovery failed: {recovery.failure or recovery.reason}")
    is_waiting = recovery.pause is not None or bool(recovery.brakes) or bool(recovery.held)
    if not is_waiting:
        return
    waits_for_a_person = recovery.pause is not None or any(each.is_stop for each in recovery.brakes)
    tone: Tone = "warn" if waits_for_a_person or recovery.held else "note"
    # The first one says its mode, which has a column; that it failed is said already.
    said = f"Its last run failed ({recovery.reason})."
    sentences = [each for each in recovery.words[1:] if each != said]
    *before, last = sentences or ["Recovery closes nothing now."]
    for sentence in before:
        yield Notice(tone, sentence)
    resuming = tuple(each for each in recovery.commands if " resume " in f" {each.text} ")
    yield Notice(tone, last, resuming)
