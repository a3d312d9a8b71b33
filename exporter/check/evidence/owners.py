"""The findings about owners: the live ones, compared with the owners of sessions."""

from exporter.check.evidence.spelling_hint import spelling_hint
from exporter.check.findings import Finding, FindingWriter
from exporter.collection.active.evidence import OwnedRows, RowsBesideEvidence
from exporter.evidence.answers import OwnersAnswer, Unknown
from exporter.evidence.asking.asker import Answer
from exporter.text import age, number_of, shorten, some_of

#: An owner with sessions that were seen within this time, in seconds, may live.
MOVING = 60.0


def of_owners(
    name: str,
    answer: Answer,
    seconds: float,
    rows: RowsBesideEvidence,
    findings: FindingWriter,
    *,
    is_hint: bool,
) -> Finding:
    """Report the live owners, and which owners of sessions are not among them."""
    check = f"owners {name}"
    if not isinstance(answer, OwnersAnswer):
        return findings.failed(check, answer.message if isinstance(answer, Unknown) else "")
    lives = "lives" if len(answer.alive) == 1 else "live"
    found = f"{len(answer.alive)} {lives}, answered within {seconds:.1f} s"
    if answer.reported:
        late = number_of(len(answer.reported), "reports a time", "report times")
        found += f"; {late} in the future, which is no sign of life unless it changes"
    held = rows.owners or {}
    missing = [_missing(owner, each) for owner, each in held.items() if owner not in answer.alive]
    absent = held.keys() - answer.alive - answer.reported.keys()
    if hint := spelling_hint(absent, answer.alive):
        return findings.warning(
            check,
            f"{found}, and {len(held) - len(missing)} of the {len(held)} that hold sessions are "
            f"among them; {hint}: let both give the same text",
        )
    if held and len(missing) == len(held):
        return findings.warning(
            check, f"{found}, and none of those that hold sessions: are these the same ids?"
        )
    if missing:
        then = "only shown, because unique_per_start is false" if is_hint else "dead after grace"
        return findings.warning(check, f"{found}; not among them, and {then}: {some_of(missing)}")
    return findings.ok(check, f"{found}, and all {len(held)} that hold sessions are among them")


def _missing(owner: str, rows: OwnedRows) -> str:
    found = f"{shorten(owner)} with {number_of(rows.active, 'session', 'sessions')}"
    if rows.silence is None or rows.silence > MOVING:
        return found
    return f"{found}, which showed life {age(max(rows.silence, 0.0))} ago"
