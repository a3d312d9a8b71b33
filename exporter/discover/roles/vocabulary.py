"""The words of columns: those of a survey of 59 session tables, and others like them."""

from exporter.discover.roles.words import phrases

#: Words that add nothing: what a time is of, in which form, and how it is joined to others.
FILLERS = phrases(
    """
    at, on, time, date, timestamp, stamp, ts, datetime, utc, epoch, ms, when, dt, acct, session,
    call, run, job, conversation, execution, visit, game, connection, is, was, the, of, dttm,
    millis, seconds, actual, real, d, has, been, moment, unix, by
    """
)

START = phrases(
    """
    performed, entry, entrance, pickup, pick up, took off, take off, tapped in, embarked, went
    online, went live, start, started, starts, begin, began, begun, begins, connect, connected,
    join, joined, login, logged in, log in, check in, checked in, checkin, clock in, clocked in,
    sign in, signed in, in, entered, enter, opened, open, attempted, attempt, fired, launched,
    established, answered, picked up, dequeued, acquired, locked, claimed, boarded, plugged in,
    punch in, seated, unlocked, first seen, authenticated, arrived, arrival, admitted, start up,
    setup, dispatched, initiated, attached, from, rental, rented, borrowed
    """
)
CREATION = phrases(
    """
    created, creation, create, inserted, added, registered, record created, enqueued, queued,
    row created, crt, submitted
    """
)
END = phrases(
    """
    drop off, dropoff, dropped off, landed, landing, tapped out, disembarked, went offline,
    disconnection, evicted, vacated, closed out, ceased, end, ended, ends, finish, finished,
    finishes, complete, completed, completion, stop, stopped, stops, close, closed, left, leave,
    disconnect, disconnected, terminated, termination, logout, logged out, log out, check out,
    checked out, checkout, clock out, clocked out, sign out, signed out, out, exited, exit,
    hangup, hung up, returned, released, finalized, finalised, done, unplugged, departed,
    departure, punch out, detached, discharged, shut down, shutdown, quit, locked out, to,
    until, concluded, return
    """
)
SEEN = phrases(
    """
    last seen, last activity, last active, last heartbeat, latest heartbeat, heartbeat, last
    ping, ping, pinged, last pinged, last used, last access, last accessed, last message, last
    event, last contact, last refresh, last refreshed, last keepalive, keepalive, last alive,
    alive, last action, last interaction, last hit, seen, last check in, last beat, last poll,
    last polled, last heard, last report, last reported, last pong, activity, last touched, last
    input, acct update time, latest activity, last heart beat, last communication, last online,
    last move, last played, last received, last packet, last frame, last sample, last meter
    value, last sign of life, last signal, heartbeated, latest ping, most recent activity,
    recent activity
    """
)
UPDATED = phrases(
    """
    updated, update, modified, changed, last updated, last update, last modified, last changed,
    modification, last change, last modification, edited, write, upd
    """
)
EXPIRY_WORDS = phrases(
    """
    expires, expire, expired, expiry, expiration, ttl, timeout, invalidated, revoked, consumed
    """
)
PLANNED_WORDS = phrases(
    """
    scheduled, planned, expected, estimated, valid, effective, due, deadline, next, target,
    proposed, trial, billing, period, renewal, renews, available, keep, retry, reminder,
    publish, published, embargo, visible, display, sale, run_after, eta, requested, preferred,
    offer, registration, enrollment, contract, warranty, birth
    """
)
STATUS_WORDS = frozenset(("status", "state", "stage", "phase", "callstate"))
OTHER_STATES = phrases(
    """
    payment, shipping, billing, marital, address, country, us, province, delivery, fulfillment,
    financial, employment, approval, review, email, sync, visibility, health, previous, old,
    last, exit, http, response, result, upload, verification, invoice, refund, code
    """
)
FLAG = phrases(
    """
    active, running, online, live, open, connected, alive, in progress, ongoing, current,
    currently active, still active, playing, busy
    """
)
ENDED_FLAG = phrases(
    """
    finished, ended, closed, completed, complete, done, terminated, stopped, disconnected,
    inactive, over, logged out, expired
    """
)
OWNERS = phrases(
    """
    server, worker, process, runner, node, pod, hostname, locked by, attempted by, claimed by,
    nas ip address, owner node, processed by, app server, leased by, media server, game server
    """
)
#: What holds sessions in some applications, and is a person, a tenant or a client in others.
MAYBE_OWNERS = phrases(
    """
    host, instance, machine, executor, scheduler, backend, container, gateway, proxy, agent,
    broker
    """
)
OWNER_ENDINGS = frozenset(("id", "name", "uuid", "key", "ip", "identifier"))
DURATION = frozenset(
    ("duration", "length", "elapsed", "session time", "acct session time", "billsec")
)

#: Words between which a role is found although more stand around it, such as the table's own name.
INTEGERS = frozenset(("int2", "int4", "int8"))

#: Ends of another kind, beside that of a session that was completed.
OTHER_END = phrases(
    """
    cancelled, canceled, cancellation, aborted, failed, killed, abandoned, rejected, errored,
    crashed, timed out, discarded, declined, skipped, voided, interrupted, forfeited
    """
)
#: Of a row that is kept although it counts as deleted.
DELETION = phrases("deleted, removed, archived, trashed, soft deleted, purged")
