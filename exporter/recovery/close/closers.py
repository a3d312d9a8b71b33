"""What closes the orphaned sessions of one source: statements, or the function of the config."""

from exporter.postgres import Reader, Writer
from exporter.recovery.close.batches import Closer, Trigger
from exporter.recovery.close.by_function import FunctionCloser
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.functions.installed import InstalledFunction
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions


def make_closer(
    writer: Writer,
    reader: Reader,
    rule: Rule,
    function: InstalledFunction | None,
    *,
    trigger: Trigger,
    with_backlog: bool,
) -> Closer:
    """The closer for a rule; `function` is that of find_recover_function()."""
    if function is None:
        selection = orphaned_sessions(rule, with_backlog=with_backlog)
        return StatementCloser(writer, rule, trigger=trigger, selection=selection)
    return FunctionCloser(
        writer, reader, rule, function, trigger=trigger, with_backlog=with_backlog
    )
