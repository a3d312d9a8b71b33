"""`session-exporter pause`: no automatic recovery of a source until a person resumes it."""

from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile, Reason, given_reason, load
from exporter.cli.output.stops import pause_text
from exporter.config import Source
from exporter.postgres import Reader, Writer
from exporter.recovery.audit import control
from exporter.recovery.rule.connections import open_writer, writing_settings


def pause(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    reason: Reason = None,
) -> bool:
    """Pause automatic recovery of a source, in all exporters at once."""
    given, config = given_reason(reason), load(config_file)

    async def work(reader: Reader, each: Source, database: str) -> None:
        async with open_writer(config.databases[database], each) as writer:
            sentence = await _pause(reader, writer)
        print(f"{source} ({database}) {sentence}", flush=True)

    async def _pause(reader: Reader, writer: Writer) -> str:
        is_new = await control.pause(reader, writer, source, reason=given)
        found = await control.find_pause(reader, source)
        if found is None:
            return "was paused, and has been resumed by another command since"
        if is_new:
            return pause_text(found)
        return f"{pause_text(found)}; it was paused before, and that pause is kept"

    sources = [require_rule(config, source)]
    _, failed = for_each_recovered(config, sources, work, settings=writing_settings)
    return failed
