"""What each column of a table is for: its role, by the words of its name and its type.

The words are those of a survey of 59 session tables. A name says what a column is only together
with its type: a number may count since 1970, a date has no time of day and is no role at all.
"""

from collections.abc import Iterable
from enum import StrEnum

from exporter.discover.facts import NUMBER_TYPES, Column, Table
from exporter.discover.roles.words import singular, words_of


class Role(StrEnum):
    """What a column is for."""

    START = "start"
    CREATION = "creation"
    END = "end"
    SEEN = "sign of life"
    UPDATED = "generic sign of life"
    EXPIRY = "expiry"
    PLANNED = "planned time"
    STATUS = "status"
    FLAG = "flag"
    OWNER = "owner"
    DURATION = "duration"


#: Words that add nothing: what a time is of, in which form, and how it is joined to others.
_FILLERS = frozenset(
    (
        "at",
        "on",
        "time",
        "date",
        "timestamp",
        "stamp",
        "ts",
        "datetime",
        "utc",
        "epoch",
        "ms",
        "when",
        "dt",
        "acct",
        "session",
        "call",
        "run",
        "job",
        "conversation",
        "execution",
        "visit",
        "game",
        "connection",
        "is",
        "was",
        "the",
        "of",
        "dttm",
        "millis",
        "seconds",
        "actual",
        "real",
        "d",
        "has",
        "been",
        "moment",
        "unix",
        "by",
    )
)

_START = frozenset(
    (
        "start",
        "started",
        "starts",
        "begin",
        "began",
        "begun",
        "begins",
        "connect",
        "connected",
        "join",
        "joined",
        "login",
        "logged in",
        "log in",
        "check in",
        "checked in",
        "checkin",
        "clock in",
        "clocked in",
        "sign in",
        "signed in",
        "in",
        "entered",
        "enter",
        "opened",
        "open",
        "attempted",
        "attempt",
        "fired",
        "launched",
        "established",
        "answered",
        "picked up",
        "dequeued",
        "acquired",
        "locked",
        "claimed",
        "boarded",
        "plugged in",
        "punch in",
        "seated",
        "unlocked",
        "first seen",
        "authenticated",
        "arrived",
        "arrival",
        "admitted",
        "start up",
        "setup",
        "dispatched",
        "initiated",
        "attached",
        "from",
    )
)
_CREATION = frozenset(
    (
        "created",
        "creation",
        "create",
        "inserted",
        "added",
        "registered",
        "record created",
        "enqueued",
        "queued",
        "row created",
        "crt",
        "submitted",
    )
)
_END = frozenset(
    (
        "end",
        "ended",
        "ends",
        "finish",
        "finished",
        "finishes",
        "complete",
        "completed",
        "completion",
        "stop",
        "stopped",
        "stops",
        "close",
        "closed",
        "left",
        "leave",
        "disconnect",
        "disconnected",
        "terminated",
        "termination",
        "logout",
        "logged out",
        "log out",
        "check out",
        "checked out",
        "checkout",
        "clock out",
        "clocked out",
        "sign out",
        "signed out",
        "out",
        "exited",
        "exit",
        "hangup",
        "hung up",
        "returned",
        "released",
        "finalized",
        "finalised",
        "done",
        "unplugged",
        "departed",
        "departure",
        "punch out",
        "detached",
        "discharged",
        "shut down",
        "shutdown",
        "quit",
        "locked out",
        "to",
        "until",
        "concluded",
    )
)
_SEEN = frozenset(
    (
        "last seen",
        "last activity",
        "last active",
        "last heartbeat",
        "latest heartbeat",
        "heartbeat",
        "last ping",
        "ping",
        "pinged",
        "last pinged",
        "last used",
        "last access",
        "last accessed",
        "last message",
        "last event",
        "last contact",
        "last refresh",
        "last refreshed",
        "last keepalive",
        "keepalive",
        "last alive",
        "alive",
        "last action",
        "last interaction",
        "last request",
        "last hit",
        "seen",
        "last checkin",
        "last check in",
        "last beat",
        "last poll",
        "last polled",
        "last heard",
        "last report",
        "last reported",
        "last pong",
        "activity",
        "last touched",
        "last input",
        "acct update time",
        "latest activity",
        "last heart beat",
        "last response",
        "last sync",
        "last communication",
        "last online",
        "last move",
        "last played",
        "last received",
        "checked",
        "last packet",
        "last frame",
        "last sample",
        "last meter value",
        "last sign of life",
        "last signal",
        "heartbeated",
        "latest ping",
        "most recent activity",
        "recent activity",
    )
)
_UPDATED = frozenset(
    (
        "updated",
        "update",
        "modified",
        "changed",
        "last updated",
        "last update",
        "last modified",
        "last changed",
        "modification",
        "last change",
        "last modification",
        "edited",
        "write",
        "upd",
    )
)
_EXPIRY_WORDS = frozenset(
    (
        "expires",
        "expire",
        "expired",
        "expiry",
        "expiration",
        "ttl",
        "timeout",
        "invalidated",
        "revoked",
        "consumed",
    )
)
_PLANNED_WORDS = frozenset(
    (
        "scheduled",
        "planned",
        "expected",
        "estimated",
        "valid",
        "effective",
        "due",
        "deadline",
        "next",
        "target",
        "proposed",
        "trial",
        "billing",
        "period",
        "renewal",
        "renews",
        "available",
        "keep",
        "retry",
        "reminder",
        "publish",
        "published",
        "embargo",
        "visible",
        "display",
        "sale",
        "run_after",
        "eta",
        "requested",
        "preferred",
        "offer",
        "registration",
        "enrollment",
        "contract",
        "warranty",
        "birth",
    )
)
_STATUS_WORDS = frozenset(("status", "state", "stage", "phase", "callstate"))
_OTHER_STATES = frozenset(
    (
        "payment",
        "shipping",
        "billing",
        "marital",
        "address",
        "country",
        "us",
        "province",
        "delivery",
        "fulfillment",
        "financial",
        "employment",
        "approval",
        "review",
        "email",
        "sync",
        "visibility",
        "health",
        "previous",
        "old",
        "last",
        "exit",
        "http",
        "response",
        "result",
        "upload",
        "verification",
        "invoice",
        "refund",
        "code",
    )
)
_FLAG = frozenset(
    (
        "active",
        "running",
        "online",
        "live",
        "open",
        "connected",
        "alive",
        "in progress",
        "ongoing",
        "current",
        "currently active",
        "still active",
        "playing",
        "busy",
    )
)
_ENDED_FLAG = frozenset(
    (
        "finished",
        "ended",
        "closed",
        "completed",
        "complete",
        "done",
        "terminated",
        "stopped",
        "disconnected",
        "inactive",
        "over",
        "logged out",
        "expired",
    )
)
_OWNERS = frozenset(
    (
        "server",
        "worker",
        "process",
        "runner",
        "node",
        "pod",
        "host",
        "hostname",
        "instance",
        "locked by",
        "attempted by",
        "claimed by",
        "nas ip address",
        "nasipaddress",
        "owner node",
        "processed by",
        "machine",
        "executor",
        "scheduler",
        "backend",
        "app server",
        "leased by",
        "picked by",
        "media server",
        "game server",
        "container",
        "gateway",
        "proxy",
        "agent",
        "broker",
        "server instance",
    )
)
_OWNER_ENDINGS = frozenset(("id", "name", "uuid", "key", "ip", "identifier"))
_DURATION = frozenset(
    ("duration", "length", "elapsed", "session time", "acct session time", "billsec")
)

#: Words between which a role is found although more stand around it, such as the table's own name.
_INTEGERS = frozenset(("int2", "int4", "int8"))


def role_of(table: Table, column: Column) -> Role | None:
    """The role of a column; None: it has none that matters here."""
    words = words_of(column.name)
    own = {singular(each) for each in words_of(table.name)} | set(words_of(table.name))
    if column.is_bool:
        return Role.FLAG if _flag_meaning(words, own) is not None else None
    if column.is_time or column.base_type in {"interval"}:
        found = _time_role(words, own, column)
        if found is not None:
            return found
    if _is_status(words, own, column):
        return Role.STATUS
    if _is_owner(words):
        return Role.OWNER
    return None


def roles_of(table: Table) -> dict[Role, list[Column]]:
    """The columns of each role, in the order of the table."""
    found: dict[Role, list[Column]] = {each: [] for each in Role}
    for column in table.columns.values():
        role = role_of(table, column)
        if role is not None:
            found[role].append(column)
    return found


def marks_end(table: Table, column: Column) -> bool:
    """Whether a flag is true of what has ended; False: of what is active."""
    own = {singular(each) for each in words_of(table.name)} | set(words_of(table.name))
    return _flag_meaning(words_of(column.name), own) == "ended"


def _time_role(words: tuple[str, ...], own: set[str], column: Column) -> Role | None:
    bare = _without(words, _FILLERS | own)
    kept = _without(words, _FILLERS)
    texts = [" ".join(each) for each in (bare, kept, words)]
    if _names(texts, _DURATION) or (words and words[0] == "duration"):
        return Role.DURATION if not column.is_timestamp else None
    if column.base_type == "interval":
        return None
    if column.base_type in NUMBER_TYPES and not _may_count_time(words, column):
        return None
    if _PLANNED_WORDS & set(words):
        return Role.PLANNED
    if _EXPIRY_WORDS & set(words):
        return Role.EXPIRY
    for role, names in (
        (Role.SEEN, _SEEN),
        (Role.START, _START),
        (Role.END, _END),
        (Role.CREATION, _CREATION),
        (Role.UPDATED, _UPDATED),
    ):
        if _names(texts, names):
            return role
    return None


def _may_count_time(words: tuple[str, ...], column: Column) -> bool:
    """Whether a number can be a point in time: by its name it counts nothing else."""
    if column.base_type in {"int2"}:
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


def _is_status(words: tuple[str, ...], own: set[str], column: Column) -> bool:
    if not (column.is_text or column.base_type in {"int2", "int4", "int8"}):
        return False
    if not words or words[-1] not in _STATUS_WORDS:
        return False
    before = set(words[:-1]) - own - _FILLERS
    return not before & _OTHER_STATES and (not before or column.is_enum or len(words) <= 2)


def _flag_meaning(words: tuple[str, ...], own: set[str]) -> str | None:
    """Whether a boolean is true of what is active or of what has ended; None: neither."""
    texts = [" ".join(_without(words, out)) for out in (_FILLERS | own, _FILLERS, ())]
    if _names(texts, _FLAG):
        return "active"
    return "ended" if _names(texts, _ENDED_FLAG) else None


def _is_owner(words: tuple[str, ...]) -> bool:
    bare = words[:-1] if len(words) > 1 and words[-1] in _OWNER_ENDINGS else words
    return " ".join(words) in _OWNERS or " ".join(bare) in _OWNERS
