"""The form in which a watch is written for other exporters: two JSON values."""

import json
from typing import Any

from exporter.recovery.decision.observation import Returns
from exporter.recovery.decision.watch import Watch


def written_orphans(watch: Watch) -> str:
    """When each session became orphaned."""
    return json.dumps(dict(watch.known))


def written_returns(watch: Watch) -> str:
    """The counts of each slot, and the sessions that have returned in it, with their users."""
    sessions: dict[int, list[str]] = {slot: [] for slot in watch.slots}
    for session, slot in watch.counted.items():
        sessions[slot].append(session)
    returns: list[list[Any]] = [
        [slot, each.orphaned, each.returned, sessions[slot]] for slot, each in watch.slots.items()
    ]
    for each in returns:
        if keys := {session: watch.keys[session] for session in each[3] if session in watch.keys}:
            each.append(keys)
    return json.dumps(returns)


def read_watch(until: float, orphans: dict[str, float], returns: list[list[Any]]) -> Watch:
    """The watch of an earlier run. An earlier release wrote fewer parts of it."""
    return Watch(
        known=orphans,
        until=until,
        slots={slot: Returns(orphaned, returned) for slot, orphaned, returned, *_ in returns},
        counted={
            session: slot for slot, _, _, *more in returns for each in more[:1] for session in each
        },
        keys={
            session: key
            for _, _, _, *more in returns
            for each in more[1:2]
            for session, key in each.items()
        },
    )
