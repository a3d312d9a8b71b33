"""What each column of a table is for: its role, by the words of its name and its type.

The words are those of a survey of 59 session tables. A name says what a column is only together
with its type: a number may count since 1970, a date has no time of day and is no role at all.
"""

from collections.abc import Iterable
from enum import StrEnum

from exporter.discover.facts import NUMBER_TYPES, ColumnFacts, TableFacts
from exporter.discover.roles import vocabulary
from exporter.discover.roles.words import singular, words_of


class Role(StrEnum):
    """What a column is for."""

    START = "start"
    CREATION = "creation"
    END = "end"
    OTHER_END = "end of another kind"
    DELETION = "deletion"
    SEEN = "sign of life"
    UPDATED = "generic sign of life"
    EXPIRY = "expiry"
    PLANNED = "planned time"
    STATUS = "status"
    FLAG = "flag"
    OWNER = "owner"
    MAYBE_OWNER = "owner in some applications"
    DURATION = "duration"


#: Types of what identifies something, beside texts.
_IDENTIFIERS = frozenset({"int2", "int4", "int8", "uuid", "inet"})

#: The roles of a time, by its names: the first that fits.
_TIMES = (
    (Role.SEEN, vocabulary.SEEN),
    (Role.START, vocabulary.START),
    (Role.END, vocabulary.END),
    (Role.OTHER_END, vocabulary.OTHER_END),
    (Role.DELETION, vocabulary.DELETION),
    (Role.CREATION, vocabulary.CREATION),
    (Role.UPDATED, vocabulary.UPDATED),
)


def role_of(table: TableFacts, column: ColumnFacts) -> Role | None:
    """The role of a column; None: it has none that matters here."""
    words = words_of(column.name)
    own = {singular(each) for each in words_of(table.name)} | set(words_of(table.name))
    if column.is_bool and _names([" ".join(_without(words, ("is",)))], vocabulary.DELETION):
        return Role.DELETION
    if column.is_bool:
        return Role.FLAG if _flag_meaning(words, own) is not None else None
    if column.is_time or column.base_type == "interval":
        found = _time_role(words, own, column)
        if found is not None:
            return found
    if _is_status(words, own, column):
        return Role.STATUS
    return _owner_role(words, column)


def roles_of(table: TableFacts) -> dict[Role, list[ColumnFacts]]:
    """The columns of each role, in the order of the table."""
    found: dict[Role, list[ColumnFacts]] = {each: [] for each in Role}
    for column in table.columns.values():
        role = role_of(table, column)
        if role is not None:
            found[role].append(column)
    return found


def marks_end(table: TableFacts, column: ColumnFacts) -> bool:
    """Whether a flag is true of what has ended; False: of what is active."""
    own = {singular(each) for each in words_of(table.name)} | set(words_of(table.name))
    return _flag_meaning(words_of(column.name), own) == "ended"


def _time_role(words: tuple[str, ...], own: set[str], column: ColumnFacts) -> Role | None:
    bare = _without(words, vocabulary.FILLERS | own)
    kept = _without(words, vocabulary.FILLERS)
    texts = [" ".join(each) for each in (bare, kept, words)]
    if _names(texts, vocabulary.DURATION) or (words and words[0] == "duration"):
        return Role.DURATION if not column.is_timestamp else None
    if column.base_type == "interval":
        return None
    if column.base_type in NUMBER_TYPES and not _may_count_time(words, column):
        return None
    for role, marks in (
        (Role.PLANNED, vocabulary.PLANNED_WORDS),
        (Role.EXPIRY, vocabulary.EXPIRY_WORDS),
    ):
        if marks & set(words):
            return role
    return next((role for role, names in _TIMES if _names(texts, names)), None)


def _may_count_time(words: tuple[str, ...], column: ColumnFacts) -> bool:
    """Whether a number can be a point in time: by its name it counts nothing else."""
    if column.base_type == "int2":
        return False
    counted = {
        "count",
        "number",
        "num",
        "id",
        "index",
        "order",
        "level",
        "score",
        "total",
        "attempts",
        "position",
        "reason",
        "code",
        "line",
        "page",
        "price",
        "amount",
        "version",
        "by",
        "user",
    }
    return not counted & set(words)


def _without(words: Iterable[str], left_out: Iterable[str]) -> tuple[str, ...]:
    out = set(left_out)
    return tuple(each for each in words if each not in out)


def _names(texts: Iterable[str], names: frozenset[str]) -> bool:
    return any(each in names for each in texts)


def _is_status(words: tuple[str, ...], own: set[str], column: ColumnFacts) -> bool:
    if not (column.is_text or column.base_type in {"int2", "int4", "int8"}):
        return False
    if not words or words[-1] not in vocabulary.STATUS_WORDS:
        return False
    before = set(words[:-1]) - own - vocabulary.FILLERS
    return not before & vocabulary.OTHER_STATES and (
        not before or column.is_enum or len(words) <= 2
    )


def _flag_meaning(words: tuple[str, ...], own: set[str]) -> str | None:
    """Whether a boolean is true of what is active or of what has ended; None: neither."""
    texts = [
        " ".join(_without(words, out)) for out in (vocabulary.FILLERS | own, vocabulary.FILLERS, ())
    ]
    if _names(texts, vocabulary.FLAG):
        return "active"
    return "ended" if _names(texts, vocabulary.ENDED_FLAG) else None


def _owner_role(words: tuple[str, ...], column: ColumnFacts) -> Role | None:
    if not (column.is_text or column.base_type in _IDENTIFIERS):
        return None
    has_ending = len(words) > 1 and words[-1] in vocabulary.OWNER_ENDINGS
    texts = [" ".join(words), " ".join(words[:-1] if has_ending else words)]
    if _names(texts, vocabulary.OWNERS):
        return Role.OWNER
    return Role.MAYBE_OWNER if _names(texts, vocabulary.MAYBE_OWNERS) else None
