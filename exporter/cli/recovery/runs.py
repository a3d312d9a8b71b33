"""`session-exporter runs`: the runs of recovery, and pauses and resumes by persons."""

from dataclasses import asdict

from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import find_recovered
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, Format, ListFormat, OneSource, load
from exporter.cli.output.terminal.table import Id, table
from exporter.config import Source
from exporter.postgres import Reader
from exporter.recovery.audit.installation import has_audit
from exporter.recovery.audit.interventions import Intervention, list_interventions
from exporter.recovery.audit.runs import list_runs
from exporter.recovery.status import Run
from exporter.text import UNKNOWN, as_json, instant, iso

HEADERS = ("run", "at", "source", "trigger", "role", "sessions", "undone", "reason")


def runs(
    source: OneSource = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
    format_: Format = ListFormat.TABLE,
) -> bool:
    """List runs of recovery, pauses and resumes.

    The newest is first.
    """
    config, without_audit = load(config_file), list[str]()

    async def work(reader: Reader, each: Source, database: str) -> list[dict[str, object]]:
        if not await has_audit(reader):
            without_audit.append(database)
        listed = [_of_run(run) for run in await list_runs(reader, each.name)]
        listed += [_of_person(act) for act in await list_interventions(reader, each.name)]
        return [{"source": each.name, "database": database, **values} for values in listed]

    found, failed = for_each_recovered(
        config, find_recovered(config, source), work, shows_progress=True
    )
    newest_first = sorted((row for each in found for row in each), key=_at, reverse=True)
    if format_ is ListFormat.JSON:
        print(as_json([_json(row) for row in newest_first]))
        return failed
    rows = [
        [
            *(Id(row["run"] or UNKNOWN), instant(_at(row)), str(row["source"])),
            *(UNKNOWN if row[key] is None else str(row[key]) for key in HEADERS[3:-1]),
            _reasons(row),
        ]
        for row in newest_first
    ]
    if rows or not failed:
        print(table(list(HEADERS), rows))
    for database in dict.fromkeys(without_audit):
        print(f"{database} has no audit of recovery: `session-exporter sql audit` prints it")
    return failed


def _of_run(run: Run) -> dict[str, object]:
    """A run; None is unknown, or does not apply."""
    return asdict(run) | {"run": str(run.run)}


def _of_person(act: Intervention) -> dict[str, object]:
    """The same for a pause or a resume: `sessions` are those that a stop held."""
    return {
        "run": None,
        "at": act.at,
        "trigger": act.kind,
        "role": act.role,
        "sessions": act.held,
        "undone": None,
        "reason": act.reason,
        "undo_reason": None,
    }


def _json(row: dict[str, object]) -> dict[str, object]:
    """A row for programs; docs/commands.md describes it."""
    fields = {"began_at" if key == "at" else key: value for key, value in row.items()}
    return fields | {"began_at": iso(_at(row))}


def _at(row: dict[str, object]) -> float:
    return float(str(row["at"]))


def _reasons(row: dict[str, object]) -> str:
    """The reasons that persons have given, also for undoing."""
    given = {"": row["reason"], "undone: ": row["undo_reason"]}
    return "; ".join(f"{what}{why}" for what, why in given.items() if why is not None)
