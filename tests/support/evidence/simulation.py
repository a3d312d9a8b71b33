"""An exporter that judges a simulated application whose answers are wrong at times."""

from dataclasses import dataclass, field
from random import Random

from exporter.config.evidence import ListSource, OwnerSource
from exporter.evidence.answers import (
    ListAnswer,
    ListedSession,
    OwnersAnswer,
    StoreAnswer,
    Unknown,
)
from exporter.evidence.judgement.lists import ListHistory
from exporter.evidence.judgement.owners import HeldSessions, OwnerHistory
from exporter.evidence.judgement.source import ComparedRows, SourceEvidence
from exporter.sessions.verdict import Verdict
from tests.support.evidence.application import Application
from tests.support.evidence.faults import Faults

TICK = 5.0
LATE = Unknown("timeout", "no answer within 5 s")


@dataclass
class Simulation:
    seed: int
    has_faults: bool
    slots: int = 3
    has_heartbeats: bool = False
    stores: int = 3
    """1: one endpoint lists the sessions of all servers."""
    is_changing: bool = True
    observations: int = 0
    """How often a live session or a living owner was judged."""
    wrong: list[str] = field(default_factory=list)
    ghosts_found: dict[str, float] = field(default_factory=dict)
    """Seconds from the loss of a session to the collection that counts it as a ghost."""
    owners_found: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        self.application = Application(self.dice, self.slots, self.has_heartbeats)
        self.application.is_changing = self.is_changing
        share = 0.1 if self.has_faults else 0.0
        self.store_faults = [
            Faults(self.dice, 40 if self.has_heartbeats else 3, share) for _ in range(self.stores)
        ]
        self.owner_faults = Faults(self.dice, 7, share)
        self.now = 1000.0
        self.ticks = 0
        self.phase = self.dice.randrange(6)
        self.held: dict[str, HeldSessions] | None = None
        self.owners_answer: OwnersAnswer | Unknown = LATE
        self.store_answers: dict[int, StoreAnswer | Unknown] = dict.fromkeys(
            range(self.stores), LATE
        )
        self._start_exporter()

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now += TICK
            self.ticks += 1
            self.application.tick(self.now, TICK)
            for key, session in self.application.rows.items():
                if session.lost_at is not None:
                    self.lost.setdefault(key, session.lost_at)
            if self.ticks % 3 == 0:
                self._ask()
            if self.ticks % 6 == self.phase:
                self._collect()
            self._act()
            if self.has_faults and self.dice.random() < TICK / 20_000:
                self._start_exporter()

    def unfound(self, seconds: float) -> list[str]:
        """The lost sessions that were no ghosts so many seconds after their loss."""
        return [
            key
            for key, lost_at in self.lost.items()
            if self.now - lost_at > seconds and self.ghosts_found.get(key, float("inf")) > seconds
        ]

    def _act(self) -> None:
        """What else is done in a tick: nothing, where nobody closes sessions."""

    def _start_exporter(self) -> None:
        self.owners = OwnerHistory(
            OwnerSource(name="servers", unique_per_start=True, sql="TABLE a")
        )
        urls = {f"store{each}": "http://app" for each in range(self.stores)}
        self.lists = ListHistory(ListSource(name="live", urls=urls))
        self.evidence = SourceEvidence(self.owners, self.lists)
        self.held = None

    def _ask(self) -> None:
        alive = [each for each in self.application.servers if each]
        kind, ids = self.owner_faults.next(alive)
        at = self.now + self.dice.uniform(0, 0.5)
        answer = LATE if kind == "late" else OwnersAnswer(ids, at)
        if kind == "repeated":
            answer = self.owners_answer
        self.owners_answer = answer
        self.owners.observe(answer, self.held, self.now + 1)
        memory = self.application.lists(self.now)
        if self.stores == 1:
            memory = [{key: each for held in memory for key, each in held.items()}]
        answers = {
            f"store{number}": self._store_answer(number, held) for number, held in enumerate(memory)
        }
        self.lists.observe(ListAnswer(answers), self.now + 1)

    def _store_answer(self, number: int, held: dict[str, ListedSession]) -> StoreAnswer | Unknown:
        kind, ids = self.store_faults[number].next(held)
        at = self.now + self.dice.uniform(0, 0.5)
        is_down = self.stores > 1 and not self.application.servers[number]
        if kind == "late" or is_down:
            return LATE
        if kind != "repeated":
            self.store_answers[number] = StoreAnswer(
                {each: held.get(each, ListedSession()) for each in ids}, at
            )
        return self.store_answers[number]

    def _collect(self) -> None:
        if self.has_faults and self.dice.random() < 0.1:
            return
        verdict = self.evidence.verdict(self.now)
        rows = self.application.rows
        self._check(verdict)
        unlisted = {key: each.seen for key, each in rows.items() if key not in verdict.listed}
        self.evidence.observe(
            ComparedRows(
                verdict.list_at,
                self.now,
                len(rows),
                len(rows) - len(unlisted),
                unlisted,
                frozenset(verdict.listed.keys() - rows.keys()),
            )
        )
        held: dict[str, HeldSessions] = {}
        for each in rows.values():
            before = held.get(each.owner, HeldSessions(0, 0.0))
            seen = max(before.last_seen or 0.0, each.seen)
            held[each.owner] = HeldSessions(before.active + 1, seen, self.now)
        self.held = held

    def _check(self, verdict: Verdict) -> None:
        """Note what is wrong in a verdict, and what it has found; close rows after a while."""
        for server in self.application.servers:
            self.observations += bool(server)
            if server in verdict.dead_owners:
                self.wrong.append(f"{self.now:g}: living owner {server} called dead")
        for key, session in list(self.application.rows.items()):
            if session.lost_at is None:
                self.observations += 1
                if key in verdict.ghosts:
                    self.wrong.append(f"{self.now:g}: live session {key} called a ghost")
                if session.owner in verdict.dead_owners:
                    self.wrong.append(f"{self.now:g}: live session {key} called ownerless")
                continue
            is_ghost, died = key in verdict.ghosts, self.application.died.get(session.owner)
            is_ownerless = session.owner in verdict.dead_owners
            if is_ghost:
                self.ghosts_found.setdefault(key, self.now - session.lost_at)
            if is_ownerless and died is not None:
                self.owners_found.setdefault(session.owner, self.now - died)
            is_found = is_ghost and (is_ownerless or died is None)
            if self.now - session.lost_at > (600 if is_found else 7200):
                del self.application.rows[key]
