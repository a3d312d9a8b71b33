"""The observation of a run of recovery: values without rules.

Times are seconds of the database's clock, except `at`, which is monotonic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

#: The causes that prove a session lost at any age: its owner is dead, or no store holds it.
PROVED = frozenset({"ownerless", "ghost"})

#: How long, in seconds, a resume by a person lifts the budget of a day.
RESUMED_FOR = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """How many active sessions are in each category."""

    live: int = 0
    """Seen within quiet_after()."""
    quiet: int = 0
    """Not seen since then, and not orphaned."""
    unknown: int = 0
    """Without any time, with a time in the future, or without a usable threshold of the row:
    whether they live is unknown."""
    alive: int = 0
    """Orphaned by age, and proved alive by `evidence`."""
    nameless: int = 0
    """Without an id, so that the audit could not name them."""
    exempt: int = 0
    endless: int = 0
    """`end_at` gives no end for them."""
    backlog: int = 0
    ready: int = 0

    @property
    def active(self) -> int:
        return self.live + self.quiet + self.unknown + self.orphaned

    @property
    def orphaned(self) -> int:
        return sum((self.alive, self.nameless, self.exempt, self.endless, self.backlog, self.ready))


class CandidateState(NamedTuple):
    """The state of a candidate; any change of its row, and any sign of life, changes it."""

    version: str
    orphaned_at: float
    """When it became orphaned, by its age or otherwise."""
    owner: str | None = None
    cause: str | None = None
    """Why it is orphaned, where the source has evidence; None: by its age."""

    @property
    def is_proved(self) -> bool:
        """Whether evidence proves it lost: it need not settle, and is not part of a wave."""
        return self.cause in PROVED


@dataclass(frozen=True, slots=True)
class Owner:
    """The sessions of one owner: a server, worker or pod."""

    active: int
    live: int
    """With a sign of life that proves that the owner runs, as `Observation.beating`; without
    `last_seen_at` all of them, because then no session can fall silent."""
    orphaned: int
    """Since a person has last resumed, backlog excluded."""
    is_dead: bool = False
    """Whether evidence proves it dead; its sessions are then orphaned whatever their age."""


@dataclass(frozen=True, slots=True)
class Returns:
    """Sessions that became orphaned within the last day, and how many of them returned."""

    orphaned: int = 0
    returned: int = 0
    """They showed life, or the application has ended them, also after recovery had closed them."""
    are_of_one_key: bool = False
    """Whether all that returned are known to be sessions of one user, by `limit_per`."""


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """The sessions closed on one day automatically, or by hand soon after they became orphaned.

    Soon is within a day, so that cleaning up by hand does not raise a limit.
    """

    closed: int
    wrong: int
    """Those of them that were contradicted or undone."""
    by_hand: int = 0
    """Those of them that a person has closed."""


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a source in the audit."""

    largest_wave: int = 0
    """The most sessions closed in the last week that had certainly become orphaned within half of
    `orphaned_after` of each other, at least `orphaned_after` ago: a wave that still grows proves
    nothing. What was contradicted or undone does not count."""
    days: tuple[ClosedDay, ...] = ()
    """The last seven days with closures. Automatic closures of the last 24 hours do not count yet,
    because a mistake may still show."""
    spent: int = 0
    """Closed automatically within the last 24 hours; and within the last week, if wrong."""
    wrong: int = 0
    """Of what was closed since a person has last resumed, what was contradicted or undone."""
    accepted_wave: int = 0
    """That of Control.accepted_wave()."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A brake that lasts until a person resumes, or none of its held sessions is orphaned.

    That sessions return says nothing of those that it holds, but of `orphaned_after`: this one
    only a person ends, who resumes, or who has closed more by hand since than have returned.
    """

    at: float
    brake: str
    why: str


@dataclass(frozen=True, slots=True)
class Resume:
    """The last decision of a person to resume."""

    at: float
    stop_at: float
    """The time of the stop that it has ended."""
    wave: int = 0
    """The largest wave of the sessions that it has let be closed: one that was whole by then."""


@dataclass(frozen=True, slots=True)
class Control:
    """The records about a source that exporters and persons have written in the database."""

    stop: Stop | None = None
    """The newest stop that no person has resumed."""
    held: int = 0
    """The orphaned sessions that were last seen before that stop: its wave is among them, even
    where it was still growing then."""
    closed_by_hand: int = 0
    """Since that stop, if it is one because sessions return; without what was wrong."""
    resume: Resume | None = None
    """The last resume under this rule; a resume under another rule does not count."""
    observed_since: float | None = None
    """When this rule was first observed; None before that."""
    judged_until: float | None = None
    """Sessions orphaned until this time are judged: no brake was on. None before any such time."""

    def judged_since(self, orphaned_after: float) -> float:
        """Sessions that became orphaned later are judged: they are a wave that no person has seen.

        A person who resumes has seen the present orphans, except those that were alive at the stop.
        """
        if self.resume is None:
            return float("-inf")
        return min(self.resume.at, self.resume.stop_at + orphaned_after)

    def accepted_wave(self, now: float, wrong: int) -> int:
        """The wave that a person has seen whole, and let be closed, within the last week.

        Its contradicted and undone sessions do not count.
        """
        resume = self.resume
        if resume is None or now - resume.at > RESUMED_FOR:
            return 0
        return max(0, resume.wave - wrong)


@dataclass(frozen=True, slots=True)
class Observation:
    """The observation of one run. `server` changes with a restart or a failover."""

    at: float
    """When the run began, by the monotonic clock."""
    now: float
    server: str
    counts: SessionCounts
    half: float = 0.0
    """Half of `orphaned_after`, or of the longest threshold of an active session, in seconds:
    within it a wave of silence becomes completely visible. 0 while it is unknown."""
    ended_at: float | None = None
    """When the answer arrived, by the monotonic clock; None: at once."""
    beating: int = 0
    """Active sessions with a sign of life that proves that the application runs."""
    wave: int = 0
    """The most sessions that became orphaned within half of `orphaned_after` of each other and are
    still orphaned; only those that became orphaned while a brake was on, since the last
    observation, or within that half."""
    candidates: Mapping[str, CandidateState] = field(default_factory=dict)
    """By session, longest silent first; as many as could be closed soon."""
    candidate_count: int = 0
    """The number of candidates."""
    orphaned_at: Mapping[str, float] = field(default_factory=dict)
    """When each of them became orphaned; if there are too many to track, only the newest."""
    proved: int = 0
    """Orphaned sessions that evidence proves lost, among the tracked ones."""
    left_alone: int = 0
    """Orphaned sessions that a person has undone, or that were closed too often."""
    owners: Mapping[str, Owner] = field(default_factory=dict)
    returns: Returns = Returns()
    record: Record = Record()
    control: Control = Control()
    blind: str = ""
    """Why the evidence cannot be read; then nothing is counted."""
    is_evidence_unknown: bool = False
    """Whether the reason is unknown owners or lists, which the sessions do not show."""

    @property
    def until(self) -> float:
        return self.at if self.ended_at is None else self.ended_at

    @property
    def closable(self) -> int:
        """How many sessions could be closed without brakes, budgets and settling."""
        return self.counts.ready - self.left_alone
