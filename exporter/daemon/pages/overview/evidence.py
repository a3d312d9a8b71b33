"""The state of evidence of each source, read in the event loop because answers change it."""

from dataclasses import dataclass, field, replace
from typing import Literal

from exporter.daemon.pages.overview.values import EvidenceOverview
from exporter.evidence.evidence import AskedKey, Evidence, Pair


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """The evidence of one source in one database; empty if it uses none."""

    asked: tuple[AskedKey, ...] = ()
    overviews: tuple[EvidenceOverview, ...] = ()
    """The owners and the list, with the reasons why they are unknown."""
    dead_owners: dict[str, int] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    untracked: int | None = None
    disagreeing: int | None = None


#: Of a source without evidence.
NO_STATE = EvidenceState()


def evidence_states(evidence: Evidence) -> dict[Pair, EvidenceState]:
    """The state of each source that uses any."""
    known = {key: _overview(evidence, key) for key, _ in evidence.asked()}
    listed = set(evidence.listed_pairs)
    pairs = {pair for key in known for pair in evidence.users(key)}
    found = {}
    for pair in pairs:
        asked = tuple(sorted(evidence.keys_of(pair)))
        is_listed = pair in listed
        found[pair] = EvidenceState(
            asked=asked,
            overviews=tuple(_of_pair(known[key], evidence, pair) for key in asked),
            dead_owners=dict(evidence.dead_owners(pair)),
            live=dict(evidence.live(pair)) if is_listed else {},
            untracked=evidence.untracked(pair) if is_listed else None,
            disagreeing=evidence.disagreeing(pair) if is_listed else None,
        )
    return found


def _of_pair(overview: EvidenceOverview, evidence: Evidence, pair: Pair) -> EvidenceOverview:
    return replace(overview, never_listed=evidence.never_listed(pair, overview.kind))


def _overview(evidence: Evidence, key: AskedKey) -> EvidenceOverview:
    why = evidence.why_down(key)
    kind: Literal["owners", "list"] = "owners" if key in evidence.owners else "list"
    return EvidenceOverview(key.name, kind, is_known=not why, why=why or None)
