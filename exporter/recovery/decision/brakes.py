"""The brakes: conditions under which nothing is closed without explicit permission.

Automatic recovery, the plan of `recover` and `check --live` all decide by find_brakes().
"""

from collections.abc import Mapping
from math import sqrt

from exporter.config import RecoverySettings, format_duration
from exporter.recovery.decision.observation import Observation, Owner, Record, Returns, Stop
from exporter.recovery.decision.watch import MOST_FOLLOWED
from exporter.text import instant

BRAKES = ("share", "count", "owner", "returned", "silent", "clock", "grace", "blind")

#: The brakes that last until a person resumes, or none of the held sessions is orphaned any more.
STOPS = ("share", "count", "owner", "returned")

#: From this number of sessions, silence of all of them is attributed to the application or the
#: owner.
FEWEST_FOR_SILENCE = 3

#: More sessions than these make a wave.
LARGEST_TRICKLE = 3

#: The text for an owner with an empty name.
NO_NAME = '""'

#: From this number, sessions that return are no accident.
FEWEST_RETURNED = 3

#: The share of the orphaned sessions that may return.
RETURNED_SHARE = 0.05


def find_brakes(
    observation: Observation,
    settings: RecoverySettings,
    *,
    has_moved_clock: bool = False,
    is_in_grace: bool = False,
) -> dict[str, str]:
    """The brakes that are on, in the order of BRAKES, each with a sentence that says why.

    A stop in force is one of them, independent of the present observation.
    """
    counts, wave = observation.counts, observation.wave
    judged = counts.active - observation.left_alone - observation.proved
    # Sessions orphaned before the wave are not part of the total. Quiet sessions are the rest of a
    # wave that is still growing, or heartbeats are too slow to see it in time.
    together = counts.active - counts.orphaned + wave
    is_new = wave > largest_usual(observation.record)
    silent_owner = find_silent_owner(observation.owners)
    returns = observation.returns
    is_on = {
        "share": is_new
        and wave > LARGEST_TRICKLE
        and wave + counts.quiet > settings.max_share * together,
        "count": (is_new and wave > settings.max_count) or observation.closable > MOST_FOLLOWED,
        "owner": silent_owner is not None,
        # One user who returns repeatedly proves nothing about the sessions of others.
        "returned": returns.returned >= FEWEST_RETURNED
        and return_often(returns)
        and not returns.are_of_one_key,
        "silent": judged >= FEWEST_FOR_SILENCE and not observation.beating,
        "clock": has_moved_clock,
        "grace": is_in_grace,
        "blind": bool(observation.blind),
    }
    quiet = f" and {counts.quiet} more are silent" if counts.quiet else ""
    why = {
        "share": f"{wave} of {together} sessions became orphaned together{quiet}, more than "
        f"max_share ({settings.max_share:.0%})",
        "count": f"{wave} sessions became orphaned together, more than max_count "
        f"({settings.max_count})"
        if observation.closable <= MOST_FOLLOWED
        else f"{observation.closable} sessions are orphaned, more than the {MOST_FOLLOWED} that "
        "automatic recovery follows; close them by hand",
        "owner": f"no session of owner {silent_owner or NO_NAME} shows life, while those of others "
        "do",
        "returned": f"{returns.returned} orphaned sessions returned within the last day, in which "
        f"{returns.orphaned} became orphaned; is orphaned_after too short?",
        "silent": f"no recent sign of life in any of {judged} active sessions; is the "
        "application itself down?",
        "clock": "the database's clock was set forward or back",
        "grace": "the exporter or the server has started, or the application was silent; this ends "
        f"after {format_duration(settings.grace)}, or half of orphaned_after if that is longer",
        "blind": f"the evidence cannot be read: {observation.blind}",
    }
    stop = stop_in_force(observation)
    if stop is not None:
        is_on[stop.brake], why[stop.brake] = True, stopped_because(stop)
    return {brake: f"{brake}: {why[brake]}" for brake in BRAKES if is_on[brake]}


def stop_in_force(observation: Observation) -> Stop | None:
    """The stop that lasts: it holds sessions, or a person has to judge `orphaned_after`."""
    control = observation.control
    stop, is_judged = control.stop, control.closed_by_hand > observation.returns.returned
    has_to_last = stop is not None and stop.brake == "returned" and not is_judged
    return stop if control.held or has_to_last else None


def stopped_because(stop: Stop) -> str:
    """When a stop began and why, and how it ends."""
    return f"stopped since {instant(stop.at)}, because {stop.why}"


def largest_usual(record: Record) -> float:
    """The largest wave that is no surprise: twice one that has proved right.

    A person who resumes has often seen a few hours, in which chance has not shown all that it can:
    three standard deviations are allowed for.
    """
    accepted = record.accepted_wave
    return max(2 * record.largest_wave, 2 * accepted, accepted + 3 * sqrt(accepted))


def return_often(returns: Returns) -> bool:
    """Whether more of the orphaned sessions return than permitted.

    Small numbers vary by chance, so three standard deviations are allowed. A single return is an
    accident.
    """
    allowed = RETURNED_SHARE * returns.orphaned
    return returns.returned > 1 and returns.returned > allowed + 3 * sqrt(allowed)


def find_silent_owner(owners: Mapping[str, Owner]) -> str | None:
    """An owner of which all sessions fell silent while sessions of others live; or None."""
    for name, owner in owners.items():
        is_silent = not owner.is_dead and not owner.live
        if is_silent and owner.active >= FEWEST_FOR_SILENCE and owner.orphaned:
            others = (other.live for each, other in owners.items() if each != name)
            if any(others):
                return name
    return None
