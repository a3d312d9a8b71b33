"""The commands: the module of each, what it does in a line, and where --help lists it."""

from typing import NamedTuple

READING, CHANGING = "Commands", "Commands that change data"


class Command(NamedTuple):
    """A command as --help lists it; its function returns True where it has failed."""

    module: str
    heading: str
    summary: str
    """The first sentence of its --help, short enough for a line of 80 columns."""


def _reading(module: str, summary: str) -> Command:
    return Command(f"exporter.cli.commands.{module}", READING, summary)


def _changing(module: str, summary: str) -> Command:
    return Command(f"exporter.cli.recovery.{module}", CHANGING, summary)


#: In the order of --help.
COMMANDS = {
    "once": _reading("once", "Collect everything once and print it."),
    "orphans": _reading("orphans", "List orphaned sessions, or users blocked by them."),
    "inconsistent": _reading("inconsistent", "List rows that contradict themselves."),
    "runs": Command(
        "exporter.cli.recovery.runs", READING, "List runs of recovery, pauses and resumes."
    ),
    "init": _reading("init.command", "Write a config file for the session tables it finds."),
    "check": _reading("check", "Validate the config file, and with --live the databases."),
    "run": _reading("run", "Collect on a schedule and serve /metrics until SIGTERM."),
    "demo": _reading("demo", "Try the exporter on an embedded PostgreSQL with traffic."),
    "sql": _reading("sql", "Print SQL for a DBA to read and run."),
    "content": _reading("content", "Write alert rules, dashboards and runbooks."),
    "schema": _reading("schema", "Print the JSON schema of the config file."),
    "completion": Command(
        "exporter.cli.completion.command", READING, "Print the completion script of a shell."
    ),
    "recover": _changing("recover", "Plan closing orphaned sessions; close them with --yes."),
    "close": _changing("close", "Plan closing sessions for a planned stop; --yes closes."),
    "undo": _changing("undo", "Plan undoing a run of recovery; undo it with --yes."),
    "pause": _changing("pause", "Pause automatic recovery of a source in all exporters."),
    "resume": _changing("resume", "Show what recovery holds; resume it with --yes."),
}
