"""`session-exporter runs`: the runs of recovery."""

from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import find_recovered
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, OneSource, load
from exporter.recovery.audit.runs import Run, list_runs
from exporter.text import instant, shorten, table


def runs(source: OneSource = None, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """List the runs of recovery, newest first."""
    config = load(config_file)
    found, failed = for_each_recovered(
        config,
        find_recovered(config, source),
        lambda reader, each, _: list_runs(reader, each.name),
    )
    newest_first = sorted((run for each in found for run in each), key=lambda run: -run.at)
    rows = [
        [
            str(r.run),
            instant(r.at),
            r.source,
            r.trigger,
            r.role,
            str(r.sessions),
            str(r.undone),
            _reasons(r),
        ]
        for r in newest_first
    ]
    print(table(["run", "at", "source", "trigger", "role", "sessions", "undone", "reason"], rows))
    return failed


def _reasons(run: Run) -> str:
    """What persons have given as the reasons of closing and of undoing."""
    given = {"": run.reason, "undone: ": run.undo_reason}
    return shorten("; ".join(f"{what}{why}" for what, why in given.items() if why is not None))
