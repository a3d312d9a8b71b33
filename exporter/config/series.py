"""How many time series a source can have in one database: known from its config alone."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.config.source import Source

AGE_HISTOGRAM = 15  # 13 buckets, gcount and gsum
RECOVERY_MODES = 3
RECOVERY = 26  # 3 triggers, 10 + 3 reasons, 5 brakes, and 5 that are one each


def series_by_part(source: "Source") -> dict[str, int]:
    """Return the number of series by what they tell."""
    ends = source.ended_at is not None or source.duration is not None
    # A split metric has a total, and one sample for each combination of label values.
    combinations = math.prod(len(label.values) + 1 for label in source.labels.values())
    split = 1 + (combinations if source.labels else 0)

    kinds = 2 + (source.ended_at is not None) + len(source.integrity)
    daily = 0
    if source.daily is not None:
        kinds += ends  # closed_without_end
        daily = split + source.daily.days * split * (4 if ends else 3)
    return {
        "counts": split * (2 if source.overlong_after is None else 3),
        "age histograms": AGE_HISTOGRAM * (1 if source.last_seen_at is None else 2),
        "daily statistics": daily,
        "kinds of inconsistency": kinds,
        "the oldest sessions and the size": 3,
        "recovery": RECOVERY_MODES + (RECOVERY if source.recovery.is_declared else 0),
        "limits": 1 + (source.overlong_after is not None) + (source.alert_above is not None),
    }
