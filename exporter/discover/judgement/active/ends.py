"""What the end says: a row without one is active, unless it has not begun."""

import math
from collections.abc import Iterator

from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.surveyed_table import SurveyedTable


def conditions_of_ends(surveyed: SurveyedTable) -> Iterator[ActiveCondition]:
    """What a row without an end says; a value may stand for none in place of NULL."""
    end = surveyed.end
    if end is None:
        return
    none = surveyed.end_none if end.not_null or surveyed.end_none is not None else None
    rows = surveyed.sample.of(end)
    if not rows:
        yield ActiveCondition(
            end,
            Proof.NAMES,
            f"by the name of {end.name}",
            none=none,
            doubt=f"no row says whether a session without {end.name} is active",
        )
        return
    ended = sum(bool(surveyed.has_ended(row)) for row in surveyed.rows())
    is_null = sum(each is None for each in rows)
    if none is not None and is_null:
        none_doubt = f"{is_null} rows have NULL in {end.name}, others the value {none:.0f}"
    else:
        none_doubt = None
    because = f"{len(rows) - ended} of {len(rows)} rows have none"
    doubt = none_doubt
    if any(each is not None and math.isinf(each) for each in rows):
        doubt = f"infinity stands for no {end.name}: write the condition that says so"
    elif ended == 0:
        doubt = f"no row of the sample has {end.name}: is it ever written?"
    elif ended == len(rows):
        doubt = f"every row of the sample has {end.name}: is it set when the row is inserted?"
    elif surveyed.start is not None and not surveyed.start.not_null:
        starts = surveyed.sample.of(surveyed.start)
        unstarted = sum(
            starts[row] is None for row in surveyed.rows() if not surveyed.has_ended(row)
        )
        if unstarted:
            doubt = (
                f"{unstarted} rows without {end.name} have no {surveyed.start.name} either: "
                "are they active?"
            )
    yield ActiveCondition(end, Proof.ROWS, because, none=none, doubt=doubt)
