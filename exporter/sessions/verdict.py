"""Verdict: the evidence about the sessions of one source, as values for its statements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol


class ListedTimes(dict[str, float | None]):
    """`Verdict.listed` of one answer, which the statements of all its sources use.

    It is immutable; its SQL text is cached for as long as the answer counts.
    """

    def __init__(self, times: Mapping[str, float | None]) -> None:
        super().__init__(times)
        self._written: dict[str, Sequence[str]] = {}
        self._writing = Lock()

    def written_once(self, encoding: str, write: Callable[[], Sequence[str]]) -> Sequence[str]:
        """The SQL text for this encoding; concurrent requests from other threads wait."""
        with self._writing:
            if encoding not in self._written:
                self._written[encoding] = write()
            return self._written[encoding]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The present proofs of owners and lists. Age decides about all other sessions.

    An owner is the text of `owner.of`; an id is the text of `id`, for several columns a JSON array.
    """

    dead_owners: frozenset[str] = frozenset()
    """Owners known to be dead: their sessions are ownerless."""
    listed: Mapping[str, float | None] = field(default_factory=dict)
    """Sessions that a list holds, each with its last sign of life as a Unix timestamp."""
    ghosts: frozenset[str] = frozenset()
    """Sessions absent from every store for ghost_after."""
    alive_owners: frozenset[str] = frozenset()
    """Owners known to live: a brake does not interpret their silence as death."""
    never_listed_owners: frozenset[str] = frozenset()
    """The dead owners that no answer has had: their sessions count as ownerless, and are not closed
    for that, because the answers may never list such owners."""
    never_listed_ghosts: frozenset[str] = frozenset()
    """The ghosts that no answer has had: they count as ghosts, and are not closed for that, because
    the answers may never list such sessions."""
    blind: str = ""
    """Why the evidence is unknown at present; empty where all of it is known."""
    at: float = 0.0
    """When the oldest answer on which it is based was requested, by the monotonic clock."""
    list_at: float = 0.0
    """When the list of `listed` was requested, by the monotonic clock; 0: never. A collection
    returns it with its comparison."""


#: Of a source without owners and lists.
NO_EVIDENCE = Verdict()


class Verdicts(Protocol):
    """Gives verdicts about one source in one database."""

    def verdict(self) -> Verdict:
        """The present verdict."""
        ...

    async def fresh(self, after: float) -> Verdict:
        """The verdict from answers that were requested after this monotonic time.

        If there are none, the verdict is blind.
        """
        ...


class _NoVerdicts:
    def verdict(self) -> Verdict:
        return NO_EVIDENCE

    async def fresh(self, after: float) -> Verdict:  # noqa: ARG002 - Verdicts
        return NO_EVIDENCE


#: Of a source without owners and lists.
NO_VERDICTS: Verdicts = _NoVerdicts()
