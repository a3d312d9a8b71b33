"""What owners and a list prove about the sessions of one source in one database."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from exporter.evidence.answers import ListedSession
from exporter.evidence.judgement.lists import ListHistory, ListState
from exporter.evidence.judgement.owners import OwnerHistory
from exporter.evidence.judgement.presence import NEVER
from exporter.evidence.judgement.spelling import is_respelled
from exporter.sessions.verdict import Verdict

#: A collection may still run while the next one requests a verdict.
_REMEMBERED_LISTS = 4


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """The comparison of the active rows with `Verdict.listed` by one collection."""

    at: float
    """`Verdict.list_at` of the verdict that the collection used: which list was compared."""
    read_at: float
    """When the statement was sent, by the monotonic clock."""
    active: int
    """How many rows are active."""
    listed: int
    """How many of these the list holds."""
    unlisted: Mapping[str, float]
    """Active rows with a time that are not in the list, as many as the collection returns: the id,
    and when it was last seen by the monotonic clock (`read_at` less its silence)."""
    untracked: frozenset[str] | None
    """Sessions in the list that are not active rows. None: more than the collection returns."""


@dataclass(frozen=True, slots=True)
class _Unlisted:
    """An active row that the list lacks."""

    active_since: float
    """Since when it is known to be active."""
    found_at: float
    """When the first collection found it."""
    last_seen: float
    silence: float
    """For how long it had been silent when the last collection found it."""
    was_listed: bool
    """Whether an answer has had it."""


class SourceEvidence:
    """The evidence about one source in one database; the histories may be shared with others.

    A ghost is active, and in no complete round of an unbroken series over `ghost_after` since it
    was last seen; at least one of these rounds was requested after a collection found the session.
    """

    def __init__(self, owners: OwnerHistory | None, sessions: ListHistory | None) -> None:
        self._owners = owners
        self._sessions = sessions
        self._rows: ComparedRows | None = None
        self._compared: Set[str] = frozenset()  # the list of these rows
        self._unlisted: dict[str, _Unlisted] = {}
        self._unsettled_at = NEVER
        self._is_respelled = False
        self._proved: set[str] = set()
        self._untracked_before: frozenset[str] | None = None
        self._lists: dict[float, Set[str]] = {}  # of recent verdicts, by `list_at`
        self._current: Mapping[str, ListedSession] = {}
        self._listed: Mapping[str, float | None] = {}

    def observe(self, rows: ComparedRows) -> None:
        """Add the comparison of a collection; only a source with a table and a list needs it."""
        known, self._unlisted = self._unlisted, {}
        vanished = 0
        for session, last_seen in rows.unlisted.items():
            last = known.get(session)
            self._unlisted[session] = _Unlisted(
                last.active_since if last else self._active_since(session, last_seen, rows),
                last.found_at if last else rows.read_at,
                last_seen,
                rows.read_at - last_seen,
                (last is not None and last.was_listed) or self._was_listed(session),
            )
            vanished += self._was_tracked(session)
        if vanished >= 2 and 10 * vanished > rows.listed:
            self._unsettled_at = rows.at
        if self._rows is not None and self._rows.at != rows.at:
            self._untracked_before = self._rows.untracked
        self._rows, self._compared = rows, self._lists.get(rows.at, frozenset())
        for old in [each for each in self._lists if each < rows.at]:
            del self._lists[old]  # of a hundred thousand ids one takes 8 MB
        others = self._compared if rows.untracked is None else rows.untracked
        self._is_respelled = is_respelled(rows.unlisted, others)

    def doubts(self, now: float) -> Mapping[str, str]:
        """Return why owners or a list are unknown, as sentences by name; none where they are."""
        found = dict[str, str]()
        if self._owners is not None and (unknown := self._owners.state(now).unknown):
            found[self._owners.settings.name] = unknown
        if self._sessions is not None:
            state = self._sessions.state(now)
            doubt = state.unknown or self._sessions.instability() or self._doubt(state)
            if doubt:
                found[self._sessions.settings.name] = doubt
        return found

    def verdict(self, now: float) -> Verdict:
        """Return what is proved now, for the next statements."""
        blind, ats = [], []
        dead = alive = never_listed = frozenset[str]()
        if self._owners is not None:
            owners = self._owners.state(now)
            dead, alive, never_listed = owners.dead, owners.alive, owners.never_listed
            ats.append(owners.at)
            if owners.unknown and self._owners.settings.unique_per_start:
                blind.append(f"owners {self._owners.settings.name}: {owners.unknown}")
        if self._sessions is None:
            return Verdict(
                dead,
                alive_owners=alive,
                never_listed_owners=never_listed,
                blind="; ".join(blind),
                at=min(ats, default=0),
            )
        state = self._sessions.state(now)
        ats.append(state.at)
        doubt = self._sessions.instability() or self._doubt(state)
        if state.unknown or doubt:
            blind.append(f"list {self._sessions.settings.name}: {state.unknown or doubt}")
        self._remember(self._sessions, state)
        ghosts = frozenset() if doubt else self._ghosts(self._sessions, state, now)
        return Verdict(
            dead_owners=dead,
            listed=self._listed,
            ghosts=ghosts,
            never_listed_ghosts=frozenset(
                each for each in ghosts if not self._unlisted[each].was_listed
            ),
            alive_owners=alive,
            never_listed_owners=never_listed,
            blind="; ".join(blind),
            at=min(ats),
            list_at=state.round,
        )

    def untracked(self) -> frozenset[str] | None:
        """Return the listed sessions that were no active row in two answers; None: unknown.

        If sources share a list, intersect their results.
        """
        if self._rows is None or self._rows.untracked is None or self._untracked_before is None:
            return None
        return self._rows.untracked & self._untracked_before

    def _active_since(self, session: str, last_seen: float, rows: ComparedRows) -> float:
        """Return since when a row that no collection found unlisted before is certainly active."""
        before = self._rows
        if before is None:
            return rows.read_at
        if self._was_tracked(session):
            return before.read_at
        return last_seen if last_seen > before.read_at else rows.read_at

    def _was_tracked(self, session: str) -> bool:
        """Return whether the last collection found a session active and listed."""
        untracked = None if self._rows is None else self._rows.untracked
        return untracked is not None and session in self._compared and session not in untracked

    def _was_listed(self, session: str) -> bool:
        """Return whether an answer had a session before a collection found it unlisted."""
        left = NEVER if self._sessions is None else self._sessions.absence.left(session)
        return left > NEVER or self._was_tracked(session)

    def _ghosts(self, sessions: ListHistory, state: ListState, now: float) -> frozenset[str]:
        """Return the ghosts among the rows that the last collection found."""
        absence, ghost_after = sessions.absence, sessions.settings.ghost_after
        self._proved &= self._unlisted.keys()
        if now - absence.at > sessions.longest_gap:
            return frozenset()
        for session, row in self._unlisted.items():
            since = absence.since(session, max(row.active_since, row.last_seen))
            was_listed = absence.at - absence.left(session) < ghost_after  # perhaps for one answer
            is_live = session in state.sessions or was_listed or row.silence < ghost_after
            is_live |= sessions.partial.has_switched(session)
            if is_live or since is None:
                self._proved.discard(session)
            elif (
                absence.at > row.found_at
                and absence.at - max(since, self._unsettled_at) >= ghost_after
            ):
                self._proved.add(session)
        return frozenset(self._proved)

    def _doubt(self, state: ListState) -> str:
        """Return why the absence of these rows is no loss, as a sentence; empty where it is one."""
        rows = self._rows
        if rows is None or rows.at == 0.0 or self._sessions is None:
            return ""
        if self._is_respelled:
            return "it writes ids in another way than the table, such as in upper case"
        lost = len(self._sessions.lost() & self._unlisted.keys())
        doubt = self._sessions.partial.cut(self._unlisted.keys())
        if rows.active < 3:
            return doubt
        if not state.sessions:
            doubt = f"it is empty while {rows.active} sessions are active"
        elif rows.listed == 0:
            doubt = f"it holds none of the {rows.active} active sessions: are these the same ids?"
        elif lost >= 3:
            doubt = f"{lost} sessions that are active left it at once"
        return doubt

    def _remember(self, sessions: ListHistory, state: ListState) -> None:
        """Keep the lists of the last verdicts, for the collections that used them."""
        if state.sessions is not self._current:
            self._current, self._listed = state.sessions, sessions.times()
            self._lists.pop(state.round, None)
        if state.round not in self._lists:
            keys, last = self._listed.keys(), next(reversed(self._lists.values()), frozenset())
            if last == keys:  # the same ids are kept once, those of the newest list
                self._lists = {
                    at: keys if each is last else each for at, each in self._lists.items()
                }
                self._compared = keys if self._compared is last else self._compared
            self._lists[state.round] = keys
        while len(self._lists) > _REMEMBERED_LISTS:
            del self._lists[next(iter(self._lists))]
