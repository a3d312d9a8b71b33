"""Which condition makes a session active: by a partial index, a flag, a status or the end."""

from dataclasses import replace

from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.ends import conditions_of_ends
from exporter.discover.judgement.active.flags import conditions_of_flags
from exporter.discover.judgement.active.indexes import conditions_of_indexes
from exporter.discover.judgement.active.statuses import conditions_of_statuses
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.tolerance import TOLERANCE


def find_condition(surveyed: SurveyedTable) -> ActiveCondition | None:
    """The best proven condition; None: nothing says what is active.

    An index is the author's own word; of others the one that fewest rows contradict.
    """
    found = [
        *conditions_of_indexes(surveyed),
        *conditions_of_flags(surveyed),
        *conditions_of_statuses(surveyed),
        *conditions_of_ends(surveyed),
    ]

    def order(each: ActiveCondition) -> tuple[bool, int, bool, int]:
        is_index = each.proof is Proof.INDEX
        return (not is_index, contradictions(surveyed, each), each.doubt is not None, -each.proof)

    best = min(found, key=order, default=None)
    if best is None or best.doubt is not None or best.proof is not Proof.ROWS:
        return best
    wrong, active = contradictions(surveyed, best), _count_active(surveyed, best)
    if wrong > max(TOLERANCE * active, 0.01 * surveyed.sample.count):
        doubt = f"{wrong} rows are active by it and have an end, or no start, or neither"
        return replace(best, doubt=doubt)
    return best


def contradictions(surveyed: SurveyedTable, condition: ActiveCondition) -> int:
    """How many rows are active and have an end or no start, or are over and have no end."""
    starts = surveyed.sample.of(surveyed.start)
    if surveyed.end is None or not surveyed.sample.of(surveyed.end) or not starts:
        return 0
    return sum(
        condition.holds(surveyed, row) is bool(starts[row] is None or surveyed.has_ended(row))
        for row in surveyed.rows()
    )


def _count_active(surveyed: SurveyedTable, condition: ActiveCondition) -> int:
    return sum(condition.holds(surveyed, row) for row in surveyed.rows())
