"""The evidence until a collection, so that no session is counted as lost twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.collection.active.evidence import RowsBesideEvidence
from exporter.collection.active.lost import statement
from exporter.sessions import settings_statement
from exporter.sessions.verdict import Verdict


@dataclass(frozen=True, slots=True)
class KnownEvidence:
    """Owners of active rows and sessions that are active rows, as many as a collection returns."""

    since: float
    """When losses were first counted, as Unix time: earlier orphans do not count as lost."""
    dead_owners: frozenset[str] = frozenset()
    """Owners whose sessions are counted, or were ownerless from the beginning."""
    alive_owners: frozenset[str] = frozenset()
    """Owners that were alive at a collection."""
    ghosts: frozenset[str] = frozenset()
    """Ghosts that are counted, or were ghosts from the beginning."""
    left: frozenset[str] = frozenset()
    """Sessions that are not listed, and were at an earlier collection."""
    listed: Mapping[str, object] = field(default_factory=dict)
    """The contents of the list at the last collection."""

    def settings(self, verdict: Verdict, encoding: str) -> tuple[str, ...]:
        """The statements that pass this to a transaction, beside the verdict; none if empty."""
        left = self._just_left(verdict)
        texts = {
            statement.COUNTED_OWNERS: self.dead_owners,
            statement.COUNTED_GHOSTS: self.ghosts,
            statement.LIVED_OWNERS: self.alive_owners & verdict.dead_owners,
            statement.LIVED: (self.left | left) & verdict.ghosts,
            statement.LEFT: left,
        }
        return settings_statement(texts, encoding) if any(texts.values()) else ()

    def next(self, verdict: Verdict, beside: RowsBesideEvidence) -> "KnownEvidence":
        """The evidence after a collection that used this verdict."""
        held = frozenset[str]() if beside.owners is None else beside.owners.keys()
        unlisted = beside.unlisted.keys()
        return KnownEvidence(
            self.since,
            ((self.dead_owners | verdict.dead_owners) - verdict.alive_owners) & held,
            (self.alive_owners | verdict.alive_owners) & held,
            (self.ghosts | verdict.ghosts) & unlisted,
            (self.left | self._just_left(verdict)) & unlisted,
            verdict.listed,
        )

    def _just_left(self, verdict: Verdict) -> frozenset[str]:
        if self.listed is verdict.listed or not self.listed:
            return frozenset()
        return frozenset(self.listed.keys() - verdict.listed.keys())
