"""`session-exporter pause`: no automatic recovery of a source until a person resumes it."""

from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import require_rule
from exporter.cli.options import (
    DEFAULT_CONFIG,
    ASource,
    ConfigFile,
    Format,
    ListFormat,
    Reason,
    load,
    parse_reason,
)
from exporter.cli.output.report import Report
from exporter.cli.output.stops import pause_json, pause_text
from exporter.config import Source
from exporter.postgres import Reader, Writer
from exporter.recovery.audit import control
from exporter.recovery.rule.connections import open_writer, writing_settings
from exporter.recovery.status import Pause


def pause(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    reason: Reason = None,
    format_: Format = ListFormat.TABLE,
) -> bool:
    """Pause automatic recovery of a source in all exporters."""
    given, config = parse_reason(reason), load(config_file)

    async def work(reader: Reader, each: Source, database: str) -> None:
        async with open_writer(config.databases[database], each) as writer:
            found, is_new = await _pause(reader, writer)
        report.begin(
            f"{source} ({database}) {_sentence(found, is_new=is_new)}",
            source=source,
            database=database,
            pause=pause_json(found),
            is_new=is_new,
        )

    async def _pause(reader: Reader, writer: Writer) -> tuple[Pause | None, bool]:
        is_new = await control.pause(reader, writer, source, reason=given)
        return await control.find_pause(reader, source), is_new

    sources = [require_rule(config, source)]
    with Report(format_, has_run=False, has_outcome=False) as report:
        _, failed = for_each_recovered(config, sources, work, settings=writing_settings)
    return failed


def _sentence(found: Pause | None, *, is_new: bool) -> str:
    if found is None:
        return "was paused, and has been resumed by another command since"
    if is_new:
        return pause_text(found)
    return f"{pause_text(found)}; it was paused before, and that pause is kept"
