"""The findings about a list: the contents of its stores, compared with the table."""

from collections.abc import Iterator

from exporter.check.evidence.spelling_hint import spelling_hint
from exporter.check.findings import Finding, FindingWriter
from exporter.collection.active.evidence import RowsBesideEvidence
from exporter.config.evidence import ListSource
from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer, Unknown
from exporter.text import UNKNOWN, instant, number_of, shorten, some_of

#: The number of examples.
EXAMPLES = 5


def of_list(
    name: str,
    answer: ListAnswer,
    seconds: float,
    rows: RowsBesideEvidence,
    findings: FindingWriter,
) -> Iterator[Finding]:
    """Report the contents of the stores, and how many active rows are in them."""
    yield from of_stores(name, answer, seconds, findings, active=rows.active)
    if not any(isinstance(each, StoreAnswer) for each in answer.stores.values()):
        return
    check, held = f"list {name} and table", listed_sessions(answer)
    fits = f"{rows.listed} of {number_of(rows.active, 'active row', 'active rows')} are in it"
    if not rows.active and not held:
        advice = "check again while sessions live"
        yield findings.warning(check, f"{fits}, and it is empty; nothing to compare: {advice}")
    elif rows.active == rows.listed:
        yield findings.ok(check, fits)
    elif not held:
        yield findings.warning(check, f"{fits}: it is empty, which proves nothing")
    elif hint := spelling_hint(rows.unlisted, _others(rows, answer)):
        yield findings.warning(
            check, f"{fits}; {hint}: let id of the list, or of the source, give the same text"
        )
    elif not rows.listed:
        yield findings.warning(check, f"{fits}: are these the same ids?")
    else:
        some = some_of(map(shorten, rows.unlisted))
        yield findings.warning(check, f"{fits}; not in it, and ghosts if that lasts: {some}")


def of_stores(
    name: str, answer: ListAnswer, seconds: float, findings: FindingWriter, *, active: int = 0
) -> Iterator[Finding]:
    """Report the contents of each store; warn if all are empty while rows are active."""
    is_empty = active > 0 and not listed_sessions(answer)
    for store, each in answer.stores.items():
        if isinstance(each, Unknown):
            yield findings.failed(f"list {name}", f"store {store}: {each.message}")
            continue
        held = number_of(len(each.sessions), "session", "sessions")
        examples = some_of(_example(*item) for item in [*each.sessions.items()][:EXAMPLES])
        found = f"store {store} holds {held}, answered within {seconds:.1f} s"
        found = f"{found}: {examples}" if examples else found
        finding = findings.warning if is_empty else findings.ok
        yield finding(f"list {name}", found)


def of_times_ahead(
    name: str, answer: ListAnswer, now: float, tolerance: float, findings: FindingWriter
) -> Iterator[Finding]:
    """Report how many signs of life are in the future at a Unix time of this machine."""
    seen = (each.last_seen_at for each in listed_sessions(answer).values())
    ahead = sum(at is not None and at > now + tolerance for at in seen)
    if ahead:
        yield findings.warning(
            f"list {name} times",
            f"{number_of(ahead, 'session was', 'sessions were')} last seen in the future, which "
            "is no sign of life; is last_seen_at in another unit or zone, or a clock wrong?",
        )


def of_paths(
    settings: ListSource, answer: ListAnswer, findings: FindingWriter
) -> Iterator[Finding]:
    """Warn of a declared path that finds nothing in any session."""
    held = listed_sessions(answer).values()
    found = {
        "started_at": (settings.started_at, any(each.started_at is not None for each in held)),
        "last_seen_at": (
            settings.last_seen_at,
            any(each.last_seen_at is not None for each in held),
        ),
        "key": (settings.key, any(each.key is not None for each in held)),
    }
    for name, (declared, is_found) in found.items():
        if held and declared is not None and not is_found:
            written = declared if isinstance(declared, str) else declared.path
            yield findings.warning(
                f"list {settings.name} {name}", f"{shorten(written)} finds nothing in any session"
            )


def listed_sessions(answer: object) -> dict[str, ListedSession]:
    """The sessions of all stores that gave a usable answer."""
    found = dict[str, ListedSession]()
    for each in answer.stores.values() if isinstance(answer, ListAnswer) else ():
        found |= each.sessions if isinstance(each, StoreAnswer) else {}
    return found


def _others(rows: RowsBesideEvidence, answer: ListAnswer) -> frozenset[str]:
    """The listed sessions that are no active row; all of them if there are too many to compare."""
    return frozenset(listed_sessions(answer)) if rows.untracked is None else rows.untracked


def _example(session: str, listed: ListedSession) -> str:
    started, seen = (
        UNKNOWN if at is None else instant(at) for at in (listed.started_at, listed.last_seen_at)
    )
    return f"{shorten(session)} (started {started}, last seen {seen})"
