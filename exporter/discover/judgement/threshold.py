"""How long a session may be silent before it is orphaned: from the lengths of closed ones."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

#: What people choose, in seconds.
USUAL = (
    *(10 * MINUTE, 15 * MINUTE, 20 * MINUTE, 30 * MINUTE, 45 * MINUTE, HOUR, 1.5 * HOUR),
    *(2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY),
    *(7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY, 90 * DAY),
)

#: Fewer closed rows than this say too little.
ENOUGH = 100

#: So many ends within one second were written together, by a clean-up and not by the sessions.
TOGETHER = 3

#: An end that was written so long after the last sign of life, in seconds, was not written by it.
LATE = 10 * MINUTE

#: Without any closed row.
UNKNOWN = DAY


@dataclass(frozen=True, slots=True)
class SessionLength:
    """One closed row, in seconds since 1970."""

    start: float
    end: float
    seen: float | None = None


@dataclass(frozen=True, slots=True)
class ThresholdProposal:
    """A threshold in seconds, the lengths that it is made from, and why it is a question."""

    seconds: float
    count: int
    left_out: int = 0
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    question: str | None = None


def propose_threshold(closed: Sequence[SessionLength]) -> ThresholdProposal:
    """At least three times the 99th percentile of the lengths, and ten minutes."""
    together = Counter(round(each.end) for each in closed)
    most = _together(closed)
    kept = [each for each in closed if not _is_cleaned_up(each, together, most)]
    lengths = sorted(each.end - each.start for each in kept if each.end >= each.start)
    left_out = len(closed) - len(lengths)
    if not lengths:
        why = "no closed row has an end that the session itself can have written"
        return ThresholdProposal(UNKNOWN, 0, left_out, question=why)
    p50, p99, p999 = (percentile(lengths, share) for share in (0.5, 0.99, 0.999))
    question = None
    longest = max(3 * p99, USUAL[0])
    if len(lengths) < ENOUGH:
        question = f"{len(lengths)} closed rows are too few to know the longest"
        longest = max(longest, HOUR)
    elif has_two_humps(lengths):
        question = "the lengths have two humps: short and long sessions may need different values"
        longest = max(longest, 1.5 * lengths[-1])
    return ThresholdProposal(round_up(longest), len(lengths), left_out, p50, p99, p999, question)


def _together(closed: Sequence[SessionLength]) -> float:
    """How many ends within a second are too many: where sessions end all the time, more are."""
    ends = [each.end for each in closed]
    span = max(max(ends, default=0) - min(ends, default=0), MINUTE)
    return max(TOGETHER, 30 * len(ends) / span)


def _is_cleaned_up(session: SessionLength, together: Counter[int], most: float) -> bool:
    if sum(together[round(session.end) + near] for near in (-1, 0, 1)) >= most:
        return True
    if session.seen is None:
        return False
    late = session.end - session.seen
    return late > LATE and late > 0.5 * (session.end - session.start)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank of sorted values."""
    return values[max(math.ceil(share * len(values)) - 1, 0)]


def round_up(seconds: float) -> float:
    """The next usual value; beyond them, whole days."""
    usual = next((each for each in USUAL if each >= seconds), None)
    return usual if usual is not None else math.ceil(seconds / DAY) * DAY


def has_two_humps(lengths: Sequence[float]) -> bool:
    """Whether the logarithms of lengths have two hills, with a valley of less than a quarter.

    Each hill has a tenth of the values at least, and they lie a factor of ten apart.
    """
    cells = Counter(math.floor(4 * math.log10(max(each, 1.0))) for each in lengths)
    low, high = min(cells), max(cells)
    counts = [cells[each] for each in range(low, high + 1)]
    for first in range(len(counts)):
        for second in range(first + 4, len(counts)):
            valley = min(range(first, second + 1), key=counts.__getitem__)
            least = min(counts[first], counts[second])
            below, above = sum(counts[:valley]), sum(counts[valley + 1 :])
            is_deep = 4 * counts[valley] < least
            if is_deep and min(below, above) * 10 >= len(lengths):
                return True
    return False
