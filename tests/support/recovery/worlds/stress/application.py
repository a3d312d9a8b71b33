"""An application whose writers start chats, keep them alive, end them and lose some.

Now and then a writer falls silent, so that a wave of its chats does, and comes back to them or to
none. Some chats that were lost return: they show life, are ended or are opened again.
"""

import threading
from collections import deque

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.worlds.stress.client import (
    ENDS,
    ENDS_CARELESSLY,
    REOPENS,
    SIGNS,
    START,
    Client,
)

#: The chats that each writer keeps alive, and those lost ones that may return.
ALIVE, LOST = 25, 200

#: How often a writer does each.
OFTEN = {"sign": 4000, "start": 250, "end": 120, "return": 80, "wave": 2}

RETURNS = SIGNS | {"late end": ENDS, "careless end": ENDS_CARELESSLY, "reopen": REOPENS}

#: How often any chat of a crowd gets each, which is about as often as it is forgotten.
CROWD = {
    "start": (START, 2),
    **{name: (statement, 10) for name, statement in SIGNS.items()},
    "end": (ENDS, 3),
    "careless end": (ENDS_CARELESSLY, 1),
    "reopen": (REOPENS, 6),
}


class Population:
    """The chats that no writer keeps alive any more, and the next id."""

    def __init__(self, first: int) -> None:
        self.lost = deque(range(1, first), maxlen=LOST)
        self._next = first
        self._lock = threading.Lock()

    def new(self) -> int:
        with self._lock:
            self._next += 1
            return self._next - 1


class ChatWriter(Client):
    """Keeps chats of its own alive."""

    PAUSE = (0.0, 0.03)

    def __init__(
        self, name: str, seed: int, database: EmbeddedDatabase, chats: Population, silence: float
    ) -> None:
        """`silence` is for how long the writer falls silent, in seconds."""
        super().__init__(name, seed, database)
        self._chats = chats
        self._silence = silence
        self._own = deque[int]()

    def write(self) -> None:
        (act,) = self.dice.choices(list(OFTEN), list(OFTEN.values()))
        if len(self._own) < ALIVE or act == "start":
            new = self._chats.new()
            if self.do("start", START, new):
                self._own.append(new)
                if len(self._own) > ALIVE:
                    self._chats.lost.append(self._own.popleft())
        elif act == "sign":
            self._own.rotate()
            name = self.dice.choice(list(SIGNS))
            self.do(name, SIGNS[name], self._own[0])
        elif act == "end":
            if self.do("end", ENDS, self._own[0]):
                self._chats.lost.append(self._own.popleft())
        elif act == "return" and self._chats.lost:
            name = self.dice.choice(list(RETURNS))
            self.do(name, RETURNS[name], self.dice.choice(list(self._chats.lost)))
        elif act == "wave":
            self._fall_silent()

    def _fall_silent(self) -> None:
        self.done["wave"] += 1
        self.is_over.wait(self._silence)
        if self.dice.random() < 0.5:
            self._chats.lost.extend(self._own)
            self._own.clear()


class CrowdWriter(Client):
    """Writes to any chat of a crowd, without a pause, so that all are near to being orphaned."""

    def __init__(
        self, name: str, seed: int, database: EmbeddedDatabase, chats: Population, crowd: list[int]
    ) -> None:
        """A new chat takes the place of one of the `crowd`, which all writers share."""
        super().__init__(name, seed, database)
        self._chats = chats
        self._crowd = crowd

    def write(self) -> None:
        (act,) = self.dice.choices(list(CROWD), [weight for _, weight in CROWD.values()])
        statement, _ = CROWD[act]
        if act != "start":
            self.do(act, statement, self.dice.choice(self._crowd))
        elif self.do(act, statement, new := self._chats.new()):
            self._crowd[self.dice.randrange(len(self._crowd))] = new
