"""`session-exporter pause` and `resume`: whether a source may be recovered automatically."""

from collections.abc import Awaitable, Callable

from exporter.cli.each_source import for_each_source, require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile, Reason, given_reason, load
from exporter.cli.output.recovery import pause_text
from exporter.config import Config, Source
from exporter.postgres import Reader, Writer
from exporter.recovery.audit import control
from exporter.recovery.rule.connections import open_writer, writing_settings


def pause(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    reason: Reason = None,
) -> bool:
    """Pause automatic recovery of a source, in all exporters at once."""
    given = given_reason(reason)

    async def work(reader: Reader, writer: Writer) -> str:
        is_new = await control.pause(reader, writer, source, reason=given)
        found = await control.find_pause(reader, source)
        if found is None:
            return "was paused, and has been resumed by another command since"
        if is_new:
            return pause_text(found)
        return f"{pause_text(found)}; it was paused before, and that pause is kept"

    return _for_each_database(load(config_file), source, work)


def resume(source: ASource, config_file: ConfigFile = DEFAULT_CONFIG) -> bool:
    """Let a paused source be recovered automatically again."""

    async def work(reader: Reader, writer: Writer) -> str:
        ended = await control.resume(reader, writer, source)
        return "was not paused" if ended is None else f"is resumed; it {pause_text(ended, 'was')}"

    return _for_each_database(load(config_file), source, work)


def _for_each_database(
    config: Config, name: str, work: Callable[[Reader, Writer], Awaitable[str]]
) -> bool:
    """Do it in each database of the source, and print a sentence for each."""

    async def run(reader: Reader, each: Source, database: str) -> None:
        async with open_writer(config.databases[database], each) as writer:
            sentence = await work(reader, writer)
        print(f"{name} ({database}) {sentence}", flush=True)

    sources = [require_rule(config, name)]
    _, failed = for_each_source(config, sources, run, settings=writing_settings)
    return failed
