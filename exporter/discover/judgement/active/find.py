"""Which condition makes a session active: by a partial index, a flag, a status or the end."""

from dataclasses import replace

from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.contradictions import contradictions
from exporter.discover.judgement.active.ends import conditions_of_ends
from exporter.discover.judgement.active.flags import conditions_of_flags
from exporter.discover.judgement.active.indexes import conditions_of_indexes
from exporter.discover.judgement.active.statuses import conditions_of_statuses
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.tolerance import TOLERANCE


def find_condition(surveyed: SurveyedTable) -> ActiveCondition | None:
    """The best proven condition; None: nothing says what is active.

    An index is the author's own word. Of others, a flag or a status that few rows contradict says
    more than an end, which may have been forgotten.
    """
    found = [
        *conditions_of_indexes(surveyed),
        *conditions_of_flags(surveyed),
        *conditions_of_statuses(surveyed),
        *conditions_of_ends(surveyed),
    ]

    def order(each: ActiveCondition) -> tuple[bool, bool, bool, int]:
        is_index = each.proof is Proof.INDEX
        return (not is_index, _is_contradicted(surveyed, each), each.doubt is not None, -each.proof)

    best = min(found, key=order, default=None)
    if best is None or best.doubt is not None or best.proof is Proof.NAMES:
        return best
    if _is_contradicted(surveyed, best):
        wrong = contradictions(surveyed, best)
        doubt = f"{wrong} rows contradict it: another column says that they are over, or not"
        return replace(best, doubt=doubt)
    return best


def _is_contradicted(surveyed: SurveyedTable, condition: ActiveCondition) -> bool:
    """Whether more rows contradict it than data has mistakes."""
    active = sum(condition.holds(surveyed, row) for row in surveyed.rows())
    return contradictions(surveyed, condition) > TOLERANCE * max(active, 1)
