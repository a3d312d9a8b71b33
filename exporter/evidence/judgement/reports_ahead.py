"""Owners that report times in the future: a clock is ahead, or a dead one has left a wrong time."""

from exporter.evidence.answers import OwnersAnswer
from exporter.evidence.judgement.presence import NEVER


class ReportsAhead:
    """The last report of each such owner, which proves life only where it is seen to change."""

    def __init__(self) -> None:
        self._reports: dict[str, float] = {}
        self._changed_at: dict[str, float] = {}

    def living(self, answer: OwnersAnswer, within: float) -> frozenset[str]:
        """Return those whose report has changed between two answers, `within` seconds ago."""
        before, self._reports = self._reports, dict(answer.ahead)
        self._changed_at = {
            owner: answer.at
            if before.get(owner, reported_at) != reported_at
            else self._changed_at.get(owner, NEVER)
            for owner, reported_at in answer.ahead.items()
        }
        return frozenset(owner for owner, at in self._changed_at.items() if answer.at - at < within)
