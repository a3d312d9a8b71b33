"""Whether the absence of an owner from an answer can be trusted."""

from collections.abc import Set

from exporter.evidence.answers import OwnersAnswer
from exporter.evidence.judgement.presence import Presence
from exporter.evidence.judgement.spelling import is_respelled


class OwnersTrust:
    """The cases in which absence from a complete answer does not prove death."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._wave: float | None = None

    def doubt(
        self, answer: OwnersAnswer, held: Set[str], returned: Set[str], presence: Presence
    ) -> str:
        """Return why the answer is not trusted, as a sentence; empty where it is.

        `held` are the owners that hold sessions and are not known to be dead, `returned` the owners
        that the last answer lacked and this answer has.
        """
        undecided = held - answer.ended
        gone = undecided - answer.alive
        if 2 * len(gone) <= len(undecided):
            self._wave = None
        elif self._wave is None or returned:
            self._wave = answer.at
        if held and not answer.alive:
            return "no owner in the answer lives"
        if held and not held & (answer.alive | answer.ended):
            return "none of the owners that hold sessions is in the answer: are these the same ids?"
        if is_respelled(gone, answer.alive):
            return "ids are written in another way than in the sessions, such as in upper case"
        if self._wave is None:
            return ""
        steady = min(answer.at - self._wave, presence.alive_for())
        if steady < self._grace:
            return f"{len(gone)} of the {len(undecided)} owners that hold sessions are gone at once"
        return ""
