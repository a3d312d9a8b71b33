"""Which owners are dead, judged from all answers so far."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from exporter.config.evidence import OwnerSource
from exporter.evidence.answers import OwnersAnswer, Unknown
from exporter.evidence.judgement.owner_trust import OwnersTrust
from exporter.evidence.judgement.presence import NEVER, Presence
from exporter.evidence.judgement.reports import Reports

#: Where an owner was missing and came back within so many seconds, others have to be missing for
#: longer than it was, by this factor: perhaps answers take turns, as those of several servers do.
_RETURNS_LAST, _PATIENCE = 3600.0, 4


@dataclass(frozen=True, slots=True)
class HeldSessions:
    """The active sessions of one owner, in all sources that name its owner source."""

    active: int
    last_seen: float | None = None
    """The newest start or sign of life among them, by the monotonic clock: when the rows were read
    less its age then. None: not known. The sign of life of a session is one of its owner."""
    read_at: float | None = None
    """When the rows were read, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class OwnersState:
    """What is known of the owners now."""

    alive: frozenset[str]
    """Owners in the last complete answer."""
    dead: frozenset[str]
    """Owners that are dead. Empty while `unknown`, and where ids are not unique per start."""
    missing: Mapping[str, float]
    """Owners that hold sessions and were missing from the last complete answer, and since when by
    the monotonic clock; the dead too. Where ids are not unique per start this is a hint."""
    unknown: str
    """Why it is unknown who lives, as a sentence; empty where it is known."""
    at: float
    """When the last complete answer was asked for, by the monotonic clock."""
    never_listed: frozenset[str] = frozenset()
    """The dead that no answer has had, nor said to have ended or to have reported once: they died
    before the first answer, or the answers never list them, such as the pods of another namespace
    that are quiet."""


class OwnerHistory:
    """All answers of one owner source so far (where it reads a database: of one database).

    An owner is dead when no answer of an unbroken row of trusted answers, over `grace`, has it, and
    no session of it started or showed life in that time; or when a trusted answer says it ended.
    That holds too where no answer has ever had it: it died before the first one. Where the table of
    owners shows when it last reported, that is known; else it is `never_listed`.
    """

    def __init__(self, settings: OwnerSource) -> None:
        self.settings = settings
        self._presence = Presence(3 * settings.every + settings.timeout)
        self._trust = OwnersTrust(settings.grace)
        self._reports = Reports()
        self._answered = frozenset[str]()  # alive by the last answer itself
        self._missing: dict[str, float] = {}
        self._absent: dict[str, float] = {}  # since which answer of the unbroken row
        self._revived: set[str] = set()  # showed life after an answer that lacked it
        self._dead: dict[str, float] = {}
        self._ended: set[str] = set()
        self._returned_after, self._returned_at = 0.0, NEVER  # the longest absence of late
        self._unknown = ""
        self._failure = ""

    def adjust(self, settings: OwnerSource) -> None:
        """Go on with settings that change neither who is asked nor what an answer proves."""
        self.settings = settings
        self._presence.longest_gap = 3 * settings.every + settings.timeout

    def observe(
        self, answer: OwnersAnswer | Unknown, held: Mapping[str, HeldSessions] | None, now: float
    ) -> OwnersState:
        """Return what is known after this answer.

        `held` is what each owner holds by the last collection, of all sources that name these
        owners; None as long as that is not known.
        """
        if isinstance(answer, Unknown):
            self._failure = answer.message
        elif answer.at <= self._presence.at:
            self._failure = "the answer is not newer than the last one"
        else:
            self._failure = ""
            within = 0.0 if self.settings.table is None else self.settings.table.within
            living = self._reports.living(answer, within)
            self._answered = answer.alive
            self._take(replace(answer, alive=answer.alive | living), held)
        return self.state(now)

    def state(self, now: float) -> OwnersState:
        """Return what is known now, between two answers."""
        unknown, alive = self._unknown, self._presence.alive
        limit = max(3 * self.settings.every, self.settings.grace)
        if now - self._presence.at > limit:
            age = "yet" if self._presence.at == NEVER else f"for {limit:g} s"
            unknown = f"there was no usable answer {age}"
            unknown += f": {self._failure}" if self._failure else ""
            alive = frozenset()
        dead = frozenset() if unknown else frozenset(self._dead)
        at = max(self._presence.at, 0.0)
        known = self._ended | self._reports.silent
        unseen = {each for each in dead - known if not self._presence.was_listed(each)}
        return OwnersState(alive, dead, dict(self._missing), unknown, at, frozenset(unseen))

    def unreported(self, held: Set[str]) -> Set[str]:
        """Return which of these owners the last answer did not have as living by its own word."""
        return held - self._answered

    def _covers(self, owner: str) -> bool:
        """Return whether the absence of an owner means anything: an answer shows or showed it."""
        return owner in self._reports.silent or self._presence.covers(owner)

    def _take(self, answer: OwnersAnswer, held: Mapping[str, HeldSessions] | None) -> None:
        """Take in a complete answer."""
        returned = answer.alive & self._missing.keys()
        listed = filter(self._presence.was_listed, returned)  # the others have begun to register
        self._note_returns(answer.at, [answer.at - self._missing[each] for each in listed])
        seen = {
            owner: NEVER if each.last_seen is None else each.last_seen
            for owner, each in (held or {}).items()
            if each.active > 0
        }
        is_gap = self._presence.observe(answer, None if held is None else seen)
        gone = seen.keys() - answer.alive
        self._missing = {each: self._missing.get(each, answer.at) for each in gone}
        self._revived &= gone
        self._ended = (self._ended & gone) | (answer.ended & gone)
        self._revived |= {
            each for each in gone & self._dead.keys() if seen[each] > self._dead[each]
        }
        self._dead = {
            each: self._dead[each]
            for each in gone & self._dead.keys() - self._revived
            if each in self._ended or self._covers(each)
        }
        undecided = seen.keys() - self._dead.keys()
        self._unknown = self._trust.doubt(answer, undecided, returned, self._presence)
        if held is None:
            self._unknown = "it is not known yet which owners hold sessions"
        keeps_row = not is_gap and not self._unknown
        self._absent = {
            each: self._absent[each] for each in gone & self._absent.keys() if keeps_row
        }
        if held is not None and not self._unknown:
            for owner in gone - self._dead.keys():
                self._judge(owner, answer, seen[owner], held[owner].read_at)

    def _note_returns(self, at: float, absences: Sequence[float]) -> None:
        """Note for how long owners were missing that an answer has again."""
        if at - self._returned_at >= _RETURNS_LAST:
            self._returned_after = 0.0
        longest = max(absences, default=0.0)
        if longest and longest >= self._returned_after:
            self._returned_after, self._returned_at = longest, at

    def _judge(self, owner: str, answer: OwnersAnswer, seen: float, read_at: float | None) -> None:
        """Judge an owner that a trusted answer lacks, by its newest sign of life in the rows."""
        since = self._absent.get(owner, answer.at)
        if seen > since:
            # The first answer that lacks it after that; this one may have been asked for before.
            self._absent.pop(owner, None)
            if seen > answer.at:
                return
            since = answer.at
        self._absent[owner] = since
        if not self.settings.unique_per_start:
            return
        grace = self.settings.grace
        is_over = answer.at - since >= max(
            grace, _PATIENCE * self._returned_after
        ) and self._covers(owner)
        is_silent = read_at is None or read_at - seen >= grace
        if (is_over and is_silent) or (owner in answer.ended and owner not in self._revived):
            self._dead[owner] = answer.at
