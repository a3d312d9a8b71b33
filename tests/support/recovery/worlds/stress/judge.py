"""What recovery must never do, judged from the history of one chat after another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.support.recovery.worlds.stress.history import Event, StopEvent

#: What closing writes.
WRITTEN = ("is_active", "ended_at", "ended_by")

HOUR = 3600.0

#: A commit may become visible so much later than its time, in seconds, on a busy machine.
VISIBLE_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """A row that the exporter has written, and the row of the audit in the same transaction."""

    row: Event
    audit: Event

    @property
    def is_automatic(self) -> bool:
        return bool(self.audit.after and self.audit.after["trigger"] == "auto")

    @property
    def audit_number(self) -> int:
        assert self.audit.after is not None
        return int(self.audit.after["number"])


@dataclass(frozen=True, slots=True)
class Sign:
    """A committed sign of life; `at` is what the application wrote."""

    event: Event
    at: float

    def was_committed_before(self, closing: Change) -> bool:
        """Rows and messages are held by locks: the order of the commits counts.

        Presence is seen if the application knew of its commit before the recovery looked.
        """
        if self.event.kind == "presence":
            return (self.event.known_at or float("inf")) < closing.row.looked_at
        return self.event.committed < closing.row.committed


class Chat:
    """The history of one chat, put together: what was closed, undone, and shown of life."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.rows = [event for event in events if event.kind == "row"]
        own = [event for event in self.rows if event.by_exporter]
        self.audits = [event for event in events if event.kind in {"closed", "undone"}]
        self.unpaired = [
            event
            for event, others in [(e, self.audits) for e in own] + [(e, own) for e in self.audits]
            if [other.xid for other in others].count(event.xid) != 1
        ]
        rows = {event.xid: event for event in own}
        changes = [Change(rows[each.xid], each) for each in self.audits if each.xid in rows]
        self.closings = [each for each in changes if each.audit.kind == "closed"]
        self.undos = [each for each in changes if each.audit.kind == "undone"]
        self.signs = [sign for event in events if (sign := sign_of(event))]


Rule = Callable[[Chat, float, Sequence[StopEvent]], Iterator[str]]


def sign_of(event: Event) -> Sign | None:
    """The sign of life that an application has given, if it has."""
    after = event.after
    if after is None or event.by_exporter:
        return None
    if event.kind in {"message", "presence"}:
        return Sign(event, moment(after["at"]))
    if event.kind != "row" or not after["is_active"]:
        return None
    before = event.before
    is_sign = before is None or not before["is_active"] or seen(before) < seen(after)
    return Sign(event, seen(after)) if is_sign else None


def seen(row: dict[str, Any]) -> float:
    """The later of last sign of life and start."""
    return max(moment(row["last_seen_at"]), moment(row["started_at"]))


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def written(row: dict[str, Any] | None) -> list[Any]:
    """The columns that closing writes."""
    return [] if row is None else [row[column] for column in WRITTEN]


def history_is_whole(chat: Chat, *_: object) -> Iterator[str]:
    for earlier, later in pairwise(chat.rows):
        if later.before != earlier.after:
            yield f"event {later.number} does not follow from {earlier.number}"


def each_change_is_audited_once(chat: Chat, *_: object) -> Iterator[str]:
    for event in chat.unpaired:
        yield f"event {event.number} ({event.kind}) has no counterpart in its transaction, or more"


def none_alive_is_closed(chat: Chat, threshold: float, _: object) -> Iterator[str]:
    for closing in chat.closings:
        since = closing.row.began - threshold
        for sign in chat.signs:
            if sign.at > since and sign.was_committed_before(closing):
                yield f"event {closing.row.number} closed it after the life in {sign.event.number}"


def only_active_ones_are_closed(chat: Chat, *_: object) -> Iterator[str]:
    """So that none is closed twice without an opening between."""
    for closing in chat.closings:
        if closing.row.before is None or not closing.row.before["is_active"]:
            yield f"event {closing.row.number} closed what was not active"


def no_end_is_overwritten(chat: Chat, *_: object) -> Iterator[str]:
    for change in chat.closings + chat.undos:
        if (change.row.before or {}).get("ended_by") == "application":
            yield f"event {change.row.number} overwrote the application's end"


def undo_restores(chat: Chat, *_: object) -> Iterator[str]:
    closings = {each.audit_number: each for each in chat.closings}
    undone = set[int]()
    for undo in chat.undos:
        closing = closings.get(undo.audit_number)
        if closing is None or undo.audit_number in undone:
            yield f"event {undo.row.number} undid what was not closed, or undone before"
            continue
        undone.add(undo.audit_number)
        if written(undo.row.before) != written(closing.row.after):
            yield f"event {undo.row.number} undid what recovery had not left so"
        restored = dict(undo.row.before or {}) | {
            column: (closing.row.before or {})[column] for column in WRITTEN
        }
        if undo.row.after != restored:
            yield f"event {undo.row.number} did not restore what {closing.row.number} found"


def undone_ones_are_left_alone(chat: Chat, *_: object) -> Iterator[str]:
    """Automatically none is closed that was undone, and has not been seen since."""
    undone = [(each.row.number, seen(each.row.after)) for each in chat.undos if each.row.after]
    for closing in chat.closings:
        last = seen(closing.row.before) if closing.row.before else None
        if closing.is_automatic and any(
            number < closing.row.number and at == last for number, at in undone
        ):
            yield f"event {closing.row.number} closed again what a person had undone"


def none_paused_is_closed(chat: Chat, _: float, stops: Sequence[StopEvent]) -> Iterator[str]:
    """A transaction that has begun before the pause is finished."""
    for closing in chat.closings:
        for pause in stops:
            is_over = pause.resumed is not None and pause.resumed < closing.row.committed
            was_on = pause.committed < closing.row.began - VISIBLE_AFTER and not is_over
            if pause.brake == "pause" and closing.is_automatic and was_on:
                yield f"event {closing.row.number} closed it in the pause of {pause.at}"


def none_held_is_closed(chat: Chat, _: float, found: Sequence[StopEvent]) -> Iterator[str]:
    stops = [stop for stop in found if stop.brake != "pause"]
    for closing in chat.closings:
        if not closing.is_automatic or closing.row.before is None:
            continue
        for stop in stops:
            holds = stop.brake == "returned" or seen(closing.row.before) < stop.at
            if holds and _lasts(stop, stops, closing.row):
                yield f"event {closing.row.number} closed what the stop of {stop.at} held"


def _lasts(stop: StopEvent, stops: Sequence[StopEvent], row: Event) -> bool:
    """Whether a stop was there when a row was closed, and neither it nor a later one resumed."""
    resumed = (
        other.resumed is not None and other.resumed < row.committed and other.at >= stop.at
        for other in stops
    )
    return stop.committed < row.looked_at - VISIBLE_AFTER and not any(resumed)


RULES: tuple[Rule, ...] = (
    history_is_whole,
    each_change_is_audited_once,
    none_alive_is_closed,
    only_active_ones_are_closed,
    no_end_is_overwritten,
    undo_restores,
    undone_ones_are_left_alone,
    none_paused_is_closed,
    none_held_is_closed,
)


def faults_of(events: Sequence[Event], threshold: float, stops: Sequence[StopEvent]) -> list[str]:
    """What recovery did wrong to one chat, by rule."""
    chat = Chat(events)
    return [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(chat, threshold, stops)]


def most_in_an_hour(times: Sequence[float]) -> int:
    """The most of these ordered times that lie within an hour."""
    most = first = 0
    for number, at in enumerate(times, 1):
        while times[first] <= at - HOUR:
            first += 1
        most = max(most, number - first)
    return most
