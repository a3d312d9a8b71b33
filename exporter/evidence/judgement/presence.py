"""The owners in the answers so far, and since when without interruption."""

from collections.abc import Mapping

from exporter.evidence.answers import OwnersAnswer

#: A time before all others.
NEVER = float("-inf")

#: How long an owner that holds nothing and is in no answer is remembered: its last session may be
#: seen by a collection after its death. In seconds.
_REMEMBERED = 86_400.0


class Presence:
    """The owners in the answers so far."""

    def __init__(self, longest_gap: float) -> None:
        self.longest_gap = longest_gap
        """The longest time between two answers of an unbroken row, in seconds."""
        self._alive_since: dict[str, float] = {}
        self._last_listed: dict[str, float] = {}
        self._unlisted: set[str] = set()
        self._held_first: frozenset[str] | None = None
        self._began = NEVER
        self.at = NEVER
        """When the last answer was asked for."""

    @property
    def alive(self) -> frozenset[str]:
        """The owners in the last answer."""
        return frozenset(self._alive_since)

    def observe(self, answer: OwnersAnswer, held: Mapping[str, float] | None) -> bool:
        """Add an answer, and the owners that hold sessions; return whether it follows a gap."""
        is_gap = answer.at - self.at > self.longest_gap
        if is_gap:
            self._began, self._held_first = answer.at, None
        self.at = answer.at
        since = {} if is_gap else self._alive_since
        self._alive_since = {each: since.get(each, answer.at) for each in answer.alive}
        self._last_listed |= dict.fromkeys(answer.alive, answer.at)
        if held is not None:
            self._last_listed = {
                owner: at
                for owner, at in self._last_listed.items()
                if owner in held or answer.at - at < _REMEMBERED
            }
            self._find_unlisted(held)
        return is_gap

    def covers(self, owner: str) -> bool:
        """Return whether the absence of this owner from the answers proves anything.

        It does if an earlier answer had it, or if it may have died before the first answer. An
        owner that was in no answer and yet started or showed life shows that the answers do not
        list every owner, such as the pods of another namespace, or that owners register late: then
        no owner that was in no answer is known to have died.
        """
        return owner in self._last_listed or not self._unlisted

    def was_listed(self, owner: str) -> bool:
        """Return whether an answer has had this owner."""
        return owner in self._last_listed

    def alive_for(self) -> float:
        """Return the longest time for which an owner has been in every answer."""
        return max((self.at - since for since in self._alive_since.values()), default=0.0)

    def _find_unlisted(self, held: Mapping[str, float]) -> None:
        if self._held_first is None:
            self._held_first = frozenset(held)
        new = {
            owner
            for owner, seen in held.items()
            if (seen > self._began if seen != NEVER else owner not in self._held_first)
        }
        self._unlisted = ((self._unlisted & held.keys()) | new) - self._last_listed.keys()
