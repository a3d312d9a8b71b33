"""An application: the lives of its sessions, and the fault that strikes their heartbeats."""

import random
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from tests.support.recovery.worlds.simulation.life import Life

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Application:
    """How many sessions there are, how long they live, and what becomes of them."""

    lasting: float
    """At most, in seconds; some last a fifth less."""
    per_hour: float = 0.0
    population: int = 0
    """Where it is set, a session starts when another one ends."""
    interval: float = 60.0
    thresholds: tuple[float, ...] = ()
    """Of the sessions themselves, equally often; none: one threshold is that of all."""
    beats: float = 0.0
    """Where it is set, the interval of heartbeats as a share of the session's own threshold."""
    owners: tuple[tuple[str, float], ...] = ()
    """Their shares of the sessions."""
    lost: float = 0.0
    """The share of the sessions that are lost: no heartbeat more, and no end."""
    late: float = 0.0
    """The share of the lost whose end is written all the same, hours later."""
    asleep: float = 0.0
    """As many sleep for longer than the threshold and return, as a share of the lost."""

    def live(self, dice: random.Random, since: float, until: float, after: float) -> list[Life]:
        """The sessions that start then; as many as usual are there at the beginning."""
        starts = []
        if self.population:
            for _ in range(self.population):
                at = since - dice.random() * self.lasting
                while at < until:
                    lasts = self._last(dice)
                    starts.append((at, lasts))
                    at += lasts
        else:
            at = since - self.lasting
            while at < until:
                starts.append((at, self._last(dice)))
                at += dice.expovariate(self.per_hour / HOUR)
        lives = [
            self._begin(f"s{number}", start, lasts, dice, after)
            for number, (start, lasts) in enumerate(sorted(starts))
        ]
        return [life for life in lives if life.end_written > since]

    def _last(self, dice: random.Random) -> float:
        return self.lasting * dice.uniform(0.8, 1.0)

    def _begin(
        self, name: str, start: float, lasts: float, dice: random.Random, after: float
    ) -> Life:
        owner = None
        if self.owners:
            names, shares = zip(*self.owners, strict=True)
            owner = dice.choices(names, shares)[0]
        end = start + lasts
        life = Life(name, start, end, self.interval, owner, end)
        if self.thresholds:
            after = life.after = dice.choice(self.thresholds)
            life.interval = self.beats * after or self.interval
        fate = dice.random()
        if fate < self.lost:
            life.end = start + dice.random() * lasts
            is_late = dice.random() < self.late
            life.end_written = life.end + dice.uniform(1, 6) * after if is_late else inf
        elif fate < self.lost * (1 + self.asleep):
            falls = start + dice.random() * lasts
            life.cut(falls, falls + dice.uniform(1, 3) * after)
            life.end = life.end_written = max(end, life.gaps[0][1] + 2 * self.interval)
        return life


def break_heartbeats(
    lives: list[Life],
    dice: random.Random,
    since: float,
    until: float,
    *,
    share: float,
    owner: str | None = None,
    are_ends_lost: bool = False,
) -> set[str]:
    """Cut off that share of the sessions, or those of one owner: no heartbeat is written then.

    Where the ends are lost as well, no session starts on the part that is cut off.
    """
    is_open = [each for each in lives if each.start < since < each.end_written]
    later = [each for each in lives if since <= each.start < until]
    if owner is None:
        broken = dice.sample(is_open, round(share * len(is_open)))
        broken += [each for each in later if dice.random() < share]
    else:
        broken = [each for each in [*is_open, *later] if each.owner == owner]
    names = set()
    for life in broken:
        if are_ends_lost and life.start >= since:
            life.end = life.end_written = life.start  # it does not start
            continue
        names.add(life.name)
        life.cut(since, until)
        if are_ends_lost and life.end_written < until:
            life.end_written = inf
    return names


def make_flaky(
    lives: list[Life], dice: random.Random, since: float, *, share: float, after: float
) -> None:
    """Let that share of the sessions pause longer than the threshold now and then."""
    for life in lives:
        if dice.random() < share:
            moments = [max(since, life.start)]
            while moments[-1] < life.end:
                moments.append(moments[-1] + dice.expovariate(1 / after))
            for first, last in list(pairwise(moments))[1::2]:
                life.cut(first, last)
