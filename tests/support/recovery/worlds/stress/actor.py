"""Something that acts again and again in a thread of its own, by dice of its own."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


class Actor:
    """Acts until it is over; `done` counts what it did."""

    #: The least and the most seconds between two acts.
    PAUSE = (0.0, 0.0)

    def __init__(self, name: str, seed: int) -> None:
        self.done = Counter[str]()
        self.is_over = threading.Event()
        self.dice = random.Random(f"{seed} {name}")

    def act(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        while not self.is_over.wait(self.dice.uniform(*self.PAUSE)):
            self.act()


@contextmanager
def acting(actors: Sequence[Actor]) -> Iterator[Callable[[], None]]:
    """Let all of them act at once; yields a check that raises what one of them has raised."""
    with ThreadPoolExecutor(len(actors)) as threads:
        acts = [threads.submit(actor.run) for actor in actors]

        def check() -> None:
            for each in acts:
                if each.done():
                    each.result()

        try:
            yield check
        finally:
            for actor in actors:
                actor.is_over.set()
    check()


def total(actors: Sequence[Actor]) -> Counter[str]:
    """What they did, together."""
    return sum((actor.done for actor in actors), Counter[str]())
