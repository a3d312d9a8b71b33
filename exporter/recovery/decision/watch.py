"""The orphaned sessions from run to run: when each became orphaned, in which waves.

It also counts how many of them return: how often the rule is wrong, even before it closes any.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from exporter.recovery.decision.observation import Returns

#: The length of a slot in seconds; sessions that became orphaned in the same slot are counted
#: together.
SLOT = 600.0

DAY = 86400.0

#: A transaction of recovery takes less than this, in seconds.
COMMITTED_WITHIN = 60.0

#: The most orphaned sessions that are tracked; the newest ones.
MOST_FOLLOWED = 10_000


@dataclass(frozen=True, slots=True)
class Watch:
    """The orphaned sessions of the last run, and the returns of the last day."""

    known: Mapping[str, float] = field(default_factory=dict)
    """When each became orphaned, by session."""
    until: float = -inf
    """The time of the last run: sessions that became orphaned before it are already counted."""
    slots: Mapping[int, Returns] = field(default_factory=dict)
    """By the slot in which they became orphaned, or returned."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """The slot in which the return of each session of the last day is counted."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The user of each of these sessions, by `limit_per`."""

    def find_gone(self, orphans: Collection[str]) -> list[str]:
        """The sessions that were orphaned at the last run and no longer are."""
        return [session for session in self.known if session not in orphans]

    def count(
        self,
        orphans: Mapping[str, float],
        returned: Collection[str],
        now: float,
        *,
        since: float = -inf,
        unseen_until: float = -inf,
        closed: Mapping[str, float] = MappingProxyType({}),
        keys: Mapping[str, str] = MappingProxyType({}),
        undecided: Collection[str] = (),
    ) -> "Watch":
        """The next watch: `orphans` are those of this run, with the time of orphaning by age.

        A session that was old enough at the last run, and not orphaned then, became orphaned now:
        its evidence has ended, it was opened again, or it was imported. The same applies to a
        session whose evidence was unknown until some time, and to a session that recovery has
        `closed` since (the times of closing) and that was opened again. `returned` are the sessions
        of find_gone() that live, or that the application has ended. Recovered and deleted sessions
        have not returned, and sessions that became orphaned before `since` do not count. A session
        that became orphaned more than a day ago counts as orphaned now. A session counts once a
        day, however often it returns. `keys` has the users of returned sessions, where known.
        `undecided` are the sessions of find_gone() whose state is unknown; they are still tracked.
        """
        slots = {slot: counts for slot, counts in self.slots.items() if slot * SLOT >= now - DAY}
        counted = self.counted
        if len(slots) < len(self.slots):
            counted = {session: slot for session, slot in counted.items() if slot in slots}
        newly_counted: dict[str, int] = {}

        def is_counted(session: str) -> bool:
            slot = counted.get(session)
            return slot is not None and slot * SLOT >= since

        known = {}
        for session, orphaned_at in orphans.items():
            before = self.known.get(session)
            if before is not None and not (closed and self._is_closed_since(session, closed)):
                known[session] = min(max(before, orphaned_at), now)
                continue
            known[session] = orphaned_at
            if orphaned_at <= max(self.until, unseen_until):
                if before is None and len(self.known) >= MOST_FOLLOWED:
                    continue  # it may have been orphaned, and not tracked
                known[session] = now
            if before is None and not is_counted(session):
                _add(slots, known[session], orphaned=1)
        for session in returned:
            orphaned_at = self.known[session]
            if orphaned_at > since and not is_counted(session):
                _add(slots, now, orphaned=int(orphaned_at < now - DAY), returned=1)
                if len(counted) + len(newly_counted) < MOST_FOLLOWED:
                    newly_counted[session] = int(now // SLOT)
        known |= {session: self.known[session] for session in undecided}
        # Most runs change none of these, which may be thousands, so they are copied only if needed.
        counted = {**counted, **newly_counted} if newly_counted else counted
        of_whom = self.keys
        if keys or counted is not self.counted:
            of_whom = {**of_whom, **keys}
            of_whom = {session: of_whom[session] for session in counted if session in of_whom}
        return Watch(known, now, slots, counted, of_whom)

    def _is_closed_since(self, session: str, closed: Mapping[str, float]) -> bool:
        """Whether it was closed since the last run, or by a transaction that began before it.

        A session that was closed before it became orphaned was certainly opened again.
        """
        return closed.get(session, -inf) > max(self.until - COMMITTED_WITHIN, self.known[session])

    def counted_since(self, since: float) -> list[str]:
        """The sessions whose return is counted in returns()."""
        return [session for session, slot in self.counted.items() if slot * SLOT >= since]

    def returns(self, *, since: float, now: float) -> Returns:
        """The returns of sessions that became orphaned within the last day, and since a time."""
        first = max(since, now - DAY)
        counted = [counts for slot, counts in self.slots.items() if slot * SLOT >= first]
        returned = sum(counts.returned for counts in counted)
        is_one = False
        if self.keys:
            # The others belong to unknown sessions.
            sessions = self.counted_since(first)
            keys = {self.keys.get(session) for session in sessions}
            is_one = len(keys) == 1 and None not in keys and returned == len(sessions)
        return Returns(sum(counts.orphaned for counts in counted), returned, are_of_one_key=is_one)

    def wave(self, half: float, *, since: float, without: Collection[str] = ()) -> int:
        """The most known sessions that became orphaned within `half` seconds of each other.

        Only sessions that became orphaned after `since` and are not in `without` count.
        """
        moments = (
            at for session, at in self.known.items() if at > since and session not in without
        )
        return largest_wave(moments, half)


def largest_wave(moments: Iterable[float], half: float) -> int:
    """The largest number of times within `half` seconds of each other."""
    ordered = sorted(moments)
    largest = first = 0
    for number, moment in enumerate(ordered):
        while ordered[first] < moment - half:
            first += 1
        largest = max(largest, number - first + 1)
    return largest


def find_whole(stop_at: float, now: float, orphaned_after: float) -> float:
    """The moment until which what became orphaned, and a stop holds, makes whole waves by now.

    A wave takes `orphaned_after` at most to show completely. All that a stop holds has been alive
    before it, and nothing joins it later than so long after it.
    """
    return now if now > stop_at + orphaned_after else now - orphaned_after


def _add(slots: dict[int, Returns], at: float, *, orphaned: int = 0, returned: int = 0) -> None:
    slot = int(at // SLOT)
    before = slots.get(slot, Returns())
    slots[slot] = Returns(before.orphaned + orphaned, before.returned + returned)
