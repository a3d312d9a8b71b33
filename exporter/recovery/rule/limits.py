"""The limits of a command by hand: ids, silence, and number of sessions."""

from dataclasses import dataclass, replace

from exporter.errors import BadData, UsageError
from exporter.postgres import Reader
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection
from exporter.recovery.rule.session_id import GivenId, id_text
from exporter.sessions import TRANSACTION_TIME
from exporter.text import shorten


@dataclass(frozen=True, slots=True)
class Limits:
    """The values of --id, --older-than in seconds, and --limit."""

    ids: tuple[GivenId, ...] = ()
    older_than: float | None = None
    most: int | None = None

    @property
    def options(self) -> str:
        """The options that choose among the sessions, for a message."""
        given = {"--id": self.ids, "--older-than": self.older_than is not None}
        return ", ".join(option for option, is_given in given.items() if is_given)

    def without(self, count: int) -> "Limits":
        """The limits for the next database of the source, after this number of sessions."""
        return self if self.most is None else replace(self, most=self.most - count)

    def condition(self, rule: Rule) -> str:
        """Whether a session is chosen by them; NULL for one without an id."""
        chosen = [has_id(rule, *self.ids)] if self.ids else []
        if self.older_than is not None:
            is_older = rule.table.orphaned(TRANSACTION_TIME, self.older_than)
            chosen.append(f"coalesce({is_older}, false)")
        return " AND ".join(chosen) or "true"

    def apply(self, selection: Selection, selected: int) -> tuple[Selection, int]:
        """The selection of the chosen sessions, and the number of `selected` sessions to close.

        The choice is rechecked under the lock like the rest of the condition.
        """
        condition = selection.condition
        if self.options:
            condition += f" AND {self.condition(selection.rule)}"
        if self.most is None:
            return replace(selection, condition=condition), selected
        count = min(self.most, selected)
        return replace(selection, condition=condition, most=count), count


NO_LIMITS = Limits()


def has_id(rule: Rule, *ids: GivenId) -> str:
    """Whether a row has one of these ids; NULL or false where it has none."""
    return f"({' OR '.join(map(rule.id.is_given, ids))})"


async def check_ids(reader: Reader, rule: Rule, ids: tuple[GivenId, ...]) -> None:
    """Have PostgreSQL compare the id with each value, on no row. Raises UsageError."""
    if not ids:
        return
    for each in ids:
        _check_count(rule, each)
    try:
        await reader.read(rule.statement("catalog/describe", expressions=has_id(rule, *ids)))
    except BadData as error:
        if len(ids) > 1:
            for each in ids:
                await check_ids(reader, rule, (each,))
        types = rule.id.type if rule.id.is_single else f"({rule.id.type})"
        raise UsageError(
            f"--id: the id of {rule.table.source.name} is of type {types}, and "
            f"{shorten(id_text(ids[0]))!a} is not a value of it ({error})"
        ) from None


def _check_count(rule: Rule, given: GivenId) -> None:
    """Raise UsageError unless there is one value for each column of the id."""
    many = 1 if isinstance(given, str) else len(given)
    if many == len(rule.id.columns):
        return
    about, got = f"the id of {rule.table.source.name} has", f"got {shorten(id_text(given))!a}"
    if rule.id.is_single:
        raise UsageError(f"--id: {about} one column ({rule.id.names}): give one value, {got}")
    raise UsageError(
        f"--id: {about} {len(rule.id.columns)} columns ({rule.id.names}): give a JSON array with "
        f"a value for each of them, {got}"
    )
