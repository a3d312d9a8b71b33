"""An application whose sessions start, end, move, and are lost, as its servers come and go."""

from dataclasses import dataclass, field
from random import Random

from exporter.evidence.answers import ListedSession


@dataclass
class SimulatedSession:
    owner: str
    started: float
    seen: float
    lost_at: float | None = None
    away_until: float = 0.0
    """A client that reconnects: its session is in no server's memory, and lives."""


@dataclass
class Application:
    dice: Random
    slots: int
    """How many servers it has."""
    has_heartbeats: bool
    rows: dict[str, SimulatedSession] = field(default_factory=dict)
    """The active rows of the table, by id."""
    servers: list[str] = field(default_factory=list)
    """The server in each slot; empty while none runs."""
    up_at: dict[int, float] = field(default_factory=dict)
    died: dict[str, float] = field(default_factory=dict)
    replacing: list[int] = field(default_factory=list)
    starts: int = 0
    is_changing: bool = True
    """Whether servers come and go, and sessions move from one to another."""

    def __post_init__(self) -> None:
        self.servers = [self._boot() for _ in range(self.slots)]

    def tick(self, now: float, seconds: float) -> None:
        for slot, at in list(self.up_at.items()):
            if now >= at:
                self.servers[slot] = self._boot()
                del self.up_at[slot]
        if self.is_changing:
            self._change_servers(now, seconds)
        if self._happens(seconds, 40) and (owner := self._running()):
            self.starts += 1
            self.rows[f"s{self.starts}"] = SimulatedSession(owner, now, now)
        for key, session in list(self.rows.items()):
            if session.lost_at is None:
                self._live_on(key, session, now, seconds)

    def kill(self, slot: int, now: float) -> str:
        """Kill the server in a slot; return it. The next one is up after a while."""
        server = self.servers[slot]
        self._stop(slot, now, is_clean=False)
        return server

    def lists(self, now: float) -> list[dict[str, ListedSession]]:
        """What the server in each slot has in its memory."""
        return [
            {
                key: ListedSession(session.started)
                for key, session in self.rows.items()
                if session.owner == server and session.lost_at is None and now >= session.away_until
            }
            for server in self.servers
        ]

    def _live_on(self, key: str, session: SimulatedSession, now: float, seconds: float) -> None:
        if self.has_heartbeats and now - session.seen >= 25:
            session.seen = now
        if self._happens(seconds, 600):
            if self.dice.random() < 0.15:
                session.lost_at = now
            else:
                del self.rows[key]
        elif self.is_changing and now >= session.away_until and self._happens(seconds, 900):
            self._move(session, now)

    def _move(self, session: SimulatedSession, now: float) -> None:
        if owner := self._running():
            session.owner, session.away_until = owner, now + self.dice.uniform(1, 12)

    def _change_servers(self, now: float, seconds: float) -> None:
        if self._happens(seconds, 7200):  # a deployment of all, one after the other or at once
            self.replacing = list(range(self.slots))
            if self.dice.random() < 0.3:
                for slot in self.replacing:
                    self._stop(slot, now, is_clean=self.dice.random() < 0.5)
                self.replacing = []
        if self.replacing and self._happens(seconds, 30):
            self._stop(self.replacing.pop(), now, is_clean=self.dice.random() < 0.5)
        if self._happens(seconds, 3600):
            self._stop(self.dice.randrange(self.slots), now, is_clean=False)

    def _stop(self, slot: int, now: float, *, is_clean: bool) -> None:
        server = self.servers[slot]
        if not server:
            return
        self.servers[slot] = ""
        self.up_at[slot] = now + self.dice.uniform(5, 90)
        self.died[server] = now
        for key, session in list(self.rows.items()):
            if session.owner == server and session.lost_at is None:
                chance = self.dice.random()
                if is_clean and chance < 0.4 and self._running():
                    self._move(session, now)
                elif is_clean and chance < 0.9:
                    del self.rows[key]
                else:
                    session.lost_at = now

    def _boot(self) -> str:
        self.starts += 1
        return f"boot{self.starts}"

    def _running(self) -> str:
        return self.dice.choice([each for each in self.servers if each] or [""])

    def _happens(self, seconds: float, mean: float) -> bool:
        return self.dice.random() < seconds / mean
