"""The relation of active rows to owners and lists, to judge what the next answers prove."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.collection.age_cells import seconds_ahead
from exporter.postgres import Result
from exporter.sessions import STATEMENT_TIME, SessionTable
from exporter.sessions.orphaned import causes

#: The most owners and ids that one collection returns, and their longest length in bytes; longer
#: ids and owners are ignored.
MOST_OWNERS, MOST_IDS, LONGEST = 10_000, 100_000, 1_000

#: An owner that consists only of these stands for NULL: an empty text, 0 or a UUID of zeros.
_NOTHING = " 0-"


@dataclass(frozen=True, slots=True)
class OwnedRows:
    """The active rows of one owner."""

    active: int
    silence: float | None
    """Seconds since the newest start or sign of life of any of them; None if there is none."""


@dataclass(frozen=True, slots=True)
class RowsBesideEvidence:
    """The values of active rows in one collection that owners and a list need."""

    owners: Mapping[str, OwnedRows] | None
    """The rows of each owner, most rows first. None: the source has no owners."""
    list_at: float
    """`Verdict.list_at`: which list the rows were compared with."""
    active: int
    """The number of active rows; for a source with a list."""
    listed: int
    """How many of these the list holds."""
    unlisted: Mapping[str, float]
    """Dated rows that the list lacks, longest silent first, each with its silence in seconds."""
    untracked: frozenset[str] | None
    """Listed sessions that are no active row. None: too many to return, or no list."""


def queries(table: SessionTable) -> dict[str, str]:
    """The statements about the active rows of a table, by subject."""
    found = dict[str, str]()
    if table.source.owners_name is not None:
        found["owners"] = table.keep("held by owners", _held)
    if table.source.list is not None:
        found["list"] = table.keep("compared with a list", _compared)
    return found


def read(results: Mapping[str, Result], list_at: float) -> RowsBesideEvidence:
    """Build it from the results of the statements."""
    owners = None
    if "owners" in results:
        owners = {
            owner: OwnedRows(active, silence)
            for name, active, silence in results["owners"].rows
            if (owner := _text(name)) is not None and owner.strip(_NOTHING)
        }
    active = listed = 0
    unlisted, untracked = dict[str, float](), set[str]()
    for kind, name, number, others in results["list"].rows if "list" in results else ():
        if kind == "rows":
            active, listed = int(number), others
        elif (key := _text(name)) is None:
            continue
        elif kind == "unlisted":
            unlisted[key] = number
        else:
            untracked.add(key)
    is_complete = "list" in results and len(untracked) <= MOST_IDS
    return RowsBesideEvidence(
        owners, list_at, active, listed, unlisted, frozenset(untracked) if is_complete else None
    )


def _held(table: SessionTable) -> str:
    return table.statement(
        "collection/orphaned/held",
        owner=str(table.owner),
        shown=_shown(table, "owner"),
        times=_times(table),
        ahead=_seconds_ahead(table),
        longest=str(LONGEST),
        limit=str(MOST_OWNERS),
    )


def _compared(table: SessionTable) -> str:
    return table.statement(
        "collection/orphaned/compare",
        id=str(table.id_text),
        shown=_shown(table, "id"),
        times=_times(table),
        ahead=_seconds_ahead(table),
        shown_listed=_shown(table, "listed_id"),
        listed=causes.listed_ids(),
        longest=str(LONGEST),
        limit=str(MOST_IDS),
        one_more=str(MOST_IDS + 1),
    )


def _times(table: SessionTable) -> str:
    """The columns from which _seconds_ahead() computes the newest sign of life of a row."""
    start = f"{table.started_at.sql} AS started_at"
    seen = table.last_seen_at
    return start if seen is None else f"{start}, {seen.sql} AS last_seen_at"


def _seconds_ahead(table: SessionTable) -> str:
    """How long after now the newest sign of life is; impossible times in the future are ignored."""
    columns = ["started_at"] + ["last_seen_at"] * (table.last_seen_at is not None)
    latest = STATEMENT_TIME.ahead(table.source.future_tolerance)
    signs = (f"CASE WHEN {each} <= {latest} THEN {each} END" for each in columns)
    return seconds_ahead(f"greatest({', '.join(signs)})")


def _shown(table: SessionTable, text: str) -> str:
    """A text, or its bytes if PostgreSQL may refuse to send it because it is not UTF-8."""
    if table.encoding == "SQL_ASCII":
        return f"pg_catalog.convert_to({text}, 'SQL_ASCII')"
    return text


def _text(sent: str | bytes | None) -> str | None:
    """The text of an id or owner; None if it is not UTF-8, as no answer can contain it."""
    if not isinstance(sent, bytes):
        return sent
    try:
        return sent.decode()
    except UnicodeDecodeError:
        return None
