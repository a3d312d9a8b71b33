"""Advice: for each problem of a source, the next command and the runbook."""

from collections.abc import Iterator

from exporter.daemon.pages.overview.commands import make_command
from exporter.daemon.pages.overview.values import Advice, SourceOverview
from exporter.text import number_of, some_of

#: A missing index matters from this duration of a collection in seconds, or this number of rows.
_SLOW, _MANY_ROWS = 0.1, 100_000

#: Reasons of failure that are about the database and not about the source.
_OF_THE_DATABASE = frozenset({"connect", "auth", "backoff"})


def find_advice(overview: SourceOverview, command_prefix: str) -> Iterator[Advice]:
    """Worst first."""
    source = overview.source

    def advice(text: str, runbook: str, *words: str, purpose: str) -> Advice:
        command = make_command(command_prefix, *words, purpose=purpose) if words else None
        return Advice(text, command, runbook)

    limit = overview.limit
    if limit.above_since is not None and limit.alert_above is not None:
        yield advice(
            f"More sessions are orphaned than {limit.alert_above}, the limit of the alert.",
            "SessionsOrphanedAboveThreshold",
            "orphans",
            source,
            purpose="list them, longest silent first",
        )
    failing = [each for each in overview.collectors if each.reason is not None]
    if failing:
        reasons = {str(each.reason) for each in failing}
        names = some_of(f"{each.collector} ({each.reason})" for each in failing)
        yield advice(
            f"Collections fail: {names}.",
            "SessionsDatabaseDown" if reasons <= _OF_THE_DATABASE else "SessionsCollectionFailing",
            *("check", source, "--live"),
            purpose="find the problem, and how to repair it",
        )
    recovery = overview.recovery
    if recovery.reason is not None and recovery.mode != "disabled":
        yield advice(
            f"Recovery fails ({recovery.reason}).",
            "SessionsRecoveryFailing",
            *("check", source, "--live"),
            purpose="find the problem, and how to repair it",
        )
    if recovery.held or any(brake.is_stop for brake in recovery.brakes):
        yield advice(
            "Recovery waits for a person.",
            "SessionsRecoveryHeld",
            "resume",
            source,
            purpose="show what is held, and what resuming would do",
        )
    elif recovery.brakes:
        yield advice("Recovery is braked.", "SessionsRecoveryBraked", purpose="")
    unknown = [each.name for each in overview.evidence if not each.is_known]
    if unknown:
        yield advice(
            f"Evidence is unknown: {some_of(unknown)}.",
            "SessionsEvidenceDown",
            *("check", source, "--live"),
            purpose="find the problem, and how to repair it",
        )
    if overview.days and overview.days[0].recovered is None:
        yield Advice(
            "Which sessions recovery has closed is unknown: ended and lost ones are not served.",
            make_command(
                command_prefix, *("check", source, "--live"), purpose="find what is missing"
            ),
        )
    if overview.inconsistent:
        rows = sum(overview.inconsistent.values())
        yield advice(
            f"{number_of(rows, 'row contradicts itself', 'rows contradict themselves')}.",
            "SessionsInconsistent",
            "inconsistent",
            source,
            purpose="list these rows",
        )
    if unserved := _costly_without_index(overview):
        yield advice(
            f"No index serves {some_of(unserved)}.",
            "SessionsIndexMissing",
            *("sql", "index", source),
            purpose="print the commands that create it",
        )


def _costly_without_index(overview: SourceOverview) -> list[str]:
    is_large = (overview.rows_estimated or 0) >= _MANY_ROWS
    return [
        each.collector
        for each in overview.collectors
        if each.collector in overview.indexes_missing
        and (is_large or (each.duration or 0) >= _SLOW)
    ]
