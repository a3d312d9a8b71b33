"""Wrong answers: empty, half, late, a page short, out of an old cache, of a split brain."""

from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

#: A lie that looks like a complete answer ends before anybody may believe it; these do not look so.
DETECTABLE = ("late", "repeated")
PLAUSIBLE = ("empty", "half", "page", "stale", "split")


@dataclass
class Faults:
    """The faults of one store or owner source: about a tenth of its answers."""

    dice: Random
    longest: int
    """The most answers in a row that a plausible lie lasts."""
    share: float = 0.1
    kinds: tuple[str, ...] = DETECTABLE + PLAUSIBLE
    kind: str = ""
    left: int = 0
    salt: int = 0
    rounds: int = 0
    counted: int = 0
    past: list[tuple[str, ...]] = field(default_factory=list)
    frozen: tuple[str, ...] = ()

    def next(self, truth: Collection[str]) -> tuple[str, frozenset[str]]:
        """Return the kind of this answer and the ids in it; "" is an answer that is right."""
        self.rounds += 1
        ids = tuple(truth)
        self.past = [*self.past[-3:], ids]
        self.left -= 1
        if self.left < 0:
            was_plausible, self.kind = self.kind in PLAUSIBLE, ""
            if not was_plausible:
                self._begin()
        self.counted += bool(self.kind)
        return self.kind, frozenset(self._answer(ids))

    def _begin(self) -> None:
        plausible, detectable = (1 + self.longest) / 2, (1 + 4 * self.longest) / 2
        mean = (5 * plausible + 2 * detectable) / 7
        if self.dice.random() * (mean * (1 - self.share) + self.share) >= self.share:
            return
        self.kind = self.dice.choice(self.kinds)
        longest = self.longest * (4 if self.kind in DETECTABLE else 1)
        self.left = self.dice.randint(1, longest) - 1
        self.salt = self.dice.getrandbits(30)
        self.frozen = self.dice.choice(self.past)

    def _answer(self, ids: tuple[str, ...]) -> Collection[str]:
        match self.kind:
            case "empty":
                return ()
            case "half":
                return [each for each in ids if self._half(each) == 0]
            case "split":
                return [each for each in ids if self._half(each) == self.rounds % 2]
            case "page":
                third = len(ids) // 3
                first = self.salt % 3 * third
                return ids[:first] + ids[first + third + 1 :]
            case "stale":
                return self.frozen
        return ids

    def _half(self, key: str) -> int:
        return crc32(f"{self.salt} {key}".encode()) % 2
