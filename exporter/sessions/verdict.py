"""Verdict: what evidence says of the sessions of one source, as values for its statements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol


class ListedTimes(dict[str, float | None]):
    """`Verdict.listed` of one answer, which the statements of all its sources are made from.

    It is not changed; what is written of it as SQL is kept, for as long as the answer counts.
    """

    def __init__(self, times: Mapping[str, float | None]) -> None:
        super().__init__(times)
        self._written: dict[str, Sequence[str]] = {}
        self._writing = Lock()

    def written_once(self, encoding: str, write: Callable[[], Sequence[str]]) -> Sequence[str]:
        """What was written for this encoding; who asks meanwhile, in another thread, waits."""
        with self._writing:
            if encoding not in self._written:
                self._written[encoding] = write()
            return self._written[encoding]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What owners and lists prove now. What is not in it is decided by age, as without evidence.

    An owner is the text of `owner.of`; an id is the text of `id`, of several columns a JSON array.
    """

    dead_owners: frozenset[str] = frozenset()
    """Owners known to be dead: their sessions are ownerless."""
    listed: Mapping[str, float | None] = field(default_factory=dict)
    """Sessions that a list holds, and its last sign of life of each as a Unix timestamp."""
    ghosts: frozenset[str] = frozenset()
    """Sessions absent from every store for ghost_after in two sightings."""
    alive_owners: frozenset[str] = frozenset()
    """Owners known to live: a brake does not take their silence for their death."""
    never_listed_owners: frozenset[str] = frozenset()
    """The dead owners that no answer has had: their sessions count as ownerless, and are not closed
    for that, because the answers may never list such owners."""
    never_listed_ghosts: frozenset[str] = frozenset()
    """The ghosts that no answer has had: they count as ghosts, and are not closed for that, because
    the answers may never list such sessions."""
    blind: str = ""
    """Why the evidence is unknown at present; empty where all of it is known."""
    at: float = 0.0
    """When the oldest answer that it rests on was asked for, by the monotonic clock."""
    list_at: float = 0.0
    """When the list that `listed` is from was asked for, by the monotonic clock; 0: never. A
    collection returns it with what it compared."""


#: Of a source without owners and lists.
NO_EVIDENCE = Verdict()


class Verdicts(Protocol):
    """Gives verdicts about one source in one database."""

    def verdict(self) -> Verdict:
        """What is proved now."""
        ...

    async def fresh(self, after: float) -> Verdict:
        """What is proved by answers that were asked for later than this monotonic time.

        Where they cannot be had the verdict is blind.
        """
        ...


class _NoVerdicts:
    def verdict(self) -> Verdict:
        return NO_EVIDENCE

    async def fresh(self, after: float) -> Verdict:  # noqa: ARG002 - Verdicts
        return NO_EVIDENCE


#: Of a source without owners and lists.
NO_VERDICTS: Verdicts = _NoVerdicts()
