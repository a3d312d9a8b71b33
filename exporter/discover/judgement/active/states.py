"""What the words of a status say: waiting, active or over."""

from exporter.discover.roles.words import phrases, words_of

ACTIVE = phrases(
    """
    active, running, started, in progress, inprogress, ongoing, live, open, opened, connected,
    processing, executing, playing, online, established, ringing, answered, held, on hold,
    recording, streaming, charging, working, busy, attached, joined, logged in, checked in, in
    use, in call, in session, in game, talking, up, alive, begun, underway, in flight, boarded,
    parked, rented, occupied, in conversation, on call, driving, in transit, building, unlocked,
    start, transferring, deploying, current, progress, on, started charging, on trip
    """
)
WAITING = phrases(
    """
    idle, pending, queued, created, scheduled, waiting, new, draft, retry, retryable, available,
    blocked, planned, upcoming, initiated, requested, enqueued, ready, not started, todo,
    backlog, reserved, booked, accepted, invited, submitted, init, initializing, initial,
    delayed, deferred, preparing, unstarted, prepared, assigned, confirmed, acquired, unclaimed,
    wait, lobby, standby, none, inactive, unassigned, starting, pending start, hold
    """
)
OVER = phrases(
    """
    over, ended, end, completed, complete, finished, finish, closed, done, failed, failure,
    fail, success, succeeded, successful, error, errored, crashed, cancelled, canceled, cancel,
    abandoned, expired, killed, timeout, timed out, timedout, terminated, stopped, stop,
    disconnected, hangup, hung up, skipped, aborted, rejected, declined, discarded, revoked,
    logged out, checked out, lost, missed, no answer, returned, released, archived, deleted,
    removed, offline, exited, dead, ok, passed, resolved, settled, voided, unavailable,
    interrupted, ignored, no show, invalid, left, dropped, forfeited, won, draw, finalized,
    partial, warning, upstream failed, voicemail, down, destroyed, deactivated, system error,
    orphaned, stale, inactive ended, graded, submitted final, off
    """
)
#: Part of a session in which it is interrupted: whether it counts as active is a question.
BETWEEN = phrases(
    """
    paused, suspended, stopping, closing, ending, reconnecting, away, cancelling, canceling,
    terminating
    """
)

#: What a session may be closed as, best first.
ABANDONED = ("abandoned", "timed_out", "timeout", "expired", "lost", "interrupted", "orphaned")


def class_of(value: str) -> str | None:
    """`active`, `waiting`, `over` or `between`; None: the word says nothing."""
    text = " ".join(words_of(value))
    for name, words in (
        ("over", OVER),
        ("waiting", WAITING),
        ("between", BETWEEN),
        ("active", ACTIVE),
    ):
        if text in words:
            return name
    # A prefix that all values share, such as SESSION_ACTIVE or STATUS_RUNNING.
    parts = text.split(" ")
    for length in (1, 2):
        tail = " ".join(parts[-length:])
        for name, words in (("over", OVER), ("waiting", WAITING), ("active", ACTIVE)):
            if (
                len(parts) > length
                and tail in words
                and parts[0] in {"session", "status", "state", "call", "run", "job", "cs"}
            ):
                return name
    return None
