"""Splits names of columns and tables into words: snake case, camel case, and words run together."""

import re
from functools import lru_cache

_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def phrases(text: str) -> frozenset[str]:
    """The words and phrases of a text in which commas separate them."""
    return frozenset(" ".join(each.split()) for each in text.split(","))


#: Words that names without separators are made of, such as timestart, acctstoptime, nasipaddress.
_RUN_TOGETHER = phrases(
    """
    start, started, begin, began, end, ended, stop, stopped, finish, finished, close, closed,
    complete, completed, create, created, modified, changed, time, date, at, on, acct, last, seen,
    access, accessed, activity, ping, check, in, out, log, sign, clock, connect, connected, stamp,
    join, joined, left, leave, is, running, server, worker, node, host, name, nas, ip, address, id,
    user, expires, expire, expiry, due, valid, from, to, until, added, opened, open, answer
    """
)

#: Words that are one, although they could be two of those above.
_WHOLE = phrases(
    """
    timestamp, timeout, uptime, lifetime, datetime, hostname, username, heartbeat, login, logout,
    checkout, checkin, update, updated, session, disconnect, disconnected, inactive, active,
    hangup, output, input, online, offline, closeout
    """
)


@lru_cache(maxsize=65536)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: lastSeenAt and last_seen_at are last, seen, at."""
    found: list[str] = []
    for part in re.split(r"[^A-Za-z0-9]+", name):
        for word in _CAMEL.findall(part):
            lower = word.lower()
            found += _segments(lower) or (lower,) if len(lower) > 4 else (lower,)
    return tuple(found)


def _segments(word: str) -> tuple[str, ...] | None:
    """The words that a text is made of, the longest first; None where a rest is no word."""
    if not word:
        return ()
    for length in range(len(word), 1, -1):
        if word[:length] in _RUN_TOGETHER or word[:length] in _WHOLE:
            rest = _segments(word[length:])
            if rest is not None:
                return (word[:length], *rest)
    return None


def singular(word: str) -> str:
    """An English noun in the singular, well enough to be looked up."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
