"""Points in time as they are stored: the unit of a number, values that stand for none, the zone."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from exporter.discover.facts import ColumnFacts

#: Seconds since 1970, in the units of `epoch`, largest first.
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}

#: Unix times of 2001 and 2100: no session began outside of them.
OLDEST, NEWEST = 1e9, 4.1e9

#: From this share of a sample on, a value that no time can have stands for none.
SHARED = 0.02


def unit_of(column: ColumnFacts, values: Iterable[float | None]) -> str | None:
    """The unit in which a number counts since 1970, by magnitude; None where no unit fits."""
    if column.is_timestamp:
        return None
    real = sorted(each for each in values if each is not None and 0 < each < math.inf)
    if not real:
        return None
    middle = real[len(real) // 2]
    return next((name for name, unit in UNITS.items() if OLDEST < middle / unit < NEWEST), None)


def seconds(value: Any, unit: str | None) -> float | None:  # noqa: ANN401 - as it was read
    """A stored time in seconds since 1970; None where it is NULL, 0, or of before 2001."""
    if value is None or not math.isfinite(value):
        return None
    scaled = float(value) / UNITS.get(unit or "s", 1.0)
    return scaled if scaled > OLDEST else None


def none_value(column: ColumnFacts, values: Sequence[float | None]) -> float | None:
    """A value that stands for no time, such as 0 or year 1; None: NULL does, or nothing does."""
    found = Counter(each for each in values if each is not None and each < OLDEST)
    if found:
        value, count = found.most_common(1)[0]
        if count >= max(1, SHARED * len(values)):
            return value
    default = column.default or ""
    if column.not_null and default.split("::")[0].strip("('\" )") in {"0", "0.0"}:
        return 0.0
    if column.not_null and default.startswith(("'0001-01-01", "'1970-01-01")):
        return -62135596800.0 if default.startswith("'0001") else 0.0
    return None


def whole_hours_ahead(newest: float, now: float) -> int | None:
    """By how many whole hours a time is ahead of now, within two minutes; None: by none."""
    hours = round((newest - now) / 3600)
    return hours if hours > 0 and abs(newest - now - hours * 3600) < 120 else None
