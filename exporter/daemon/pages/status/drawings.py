"""Small drawings of numbers: bars in an SVG without styles, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from exporter.daemon.pages.overview.values import DayOverview, SilenceBucket
from exporter.daemon.pages.status.words import brief
from exporter.text import number_of

Kind = Literal["bar", "orphaned", "active"]

#: Units of the drawing. It is stretched to the size that the style sheet gives it.
HEIGHT = 36.0
STEP = 10.0
WIDTH = 8.0
#: A bar of one among thousands is still to be seen.
LEAST = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle. `kind` is its class: a plain bar, orphaned sessions, or active ones."""

    x: float
    y: float
    height: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Drawing:
    """Bars from left to right, in a drawing as wide as `width`, and what they show in words."""

    bars: tuple[Bar, ...]
    width: float
    words: str
    limit: float | None = None
    """Where the line of a limit is, from the left."""


def draw_silences(
    buckets: Sequence[SilenceBucket], orphaned_after: float | None, *, is_age: bool
) -> Drawing | None:
    """How many active sessions are how silent; beyond the threshold they are orphaned by age."""
    most = max((each.sessions for each in buckets), default=0)
    if not most:
        return None
    bars, words, limit = list[Bar](), list[str](), None
    before = 0.0
    for number, each in enumerate(buckets):
        is_beyond = orphaned_after is not None and before >= orphaned_after
        if is_beyond and limit is None:
            limit = number * STEP - (STEP - WIDTH) / 2
        if each.sessions:
            kind: Kind = "orphaned" if is_beyond else "bar"
            bars.append(_bar(number, each.sessions / most, kind))
            up_to = (
                f"over {brief(before)}" if each.at_most is None else f"up to {brief(each.at_most)}"
            )
            words.append(f"{each.sessions} {up_to}")
        before = before if each.at_most is None else each.at_most
    what = "Ages" if is_age else "Silence"
    total = sum(each.sessions for each in buckets)
    sentence = f"{what} of {number_of(total, 'active session', 'active sessions')}: "
    line = "" if orphaned_after is None else f"; orphaned after {brief(orphaned_after)}"
    return Drawing(tuple(bars), len(buckets) * STEP, sentence + ", ".join(words) + line, limit)


def draw_days(days: Sequence[DayOverview]) -> Drawing | None:
    """The sessions of each day by their start, those still active at the bottom; newest first."""
    most = max((each.started for each in days), default=0)
    if not most:
        return None
    bars, words = list[Bar](), list[str]()
    for number, each in enumerate(reversed(days)):
        if each.started:
            bars.append(_bar(number, each.started / most, "bar"))
        if each.still_active:
            bars.append(_bar(number, min(each.still_active / most, 1.0), "active"))
        words.append(f"{each.date} {each.started} started, {each.still_active} still active")
    return Drawing(tuple(bars), len(days) * STEP, f"By day of the start: {'; '.join(words)}")


def _bar(number: int, share: float, kind: Kind) -> Bar:
    height = round(max(share * HEIGHT, LEAST), 1)
    return Bar(number * STEP, round(HEIGHT - height, 1), height, kind)
