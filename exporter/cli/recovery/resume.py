"""`session-exporter resume`: ends a pause, or a stop, by a person's decision."""

from typing import Annotated

import typer

from exporter.cli import limits
from exporter.cli.each_source import for_each_source, require_rule
from exporter.cli.options import DEFAULT_CONFIG, ASource, ConfigFile, Yes, load, plain_text
from exporter.cli.output.recovery import nothing_to_resume_text, pause_text, resume_text
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.audit import control
from exporter.recovery.rule.connections import open_writer, reading_settings


def resume(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The reason, which is stored with the stop.")
    ] = None,
    show: limits.Show = 20,
) -> bool:
    """Let automatic recovery of a source go on after a pause or a stop.

    Where sessions are held, show them and why; with --yes let them be closed.
    """
    if reason is not None and not plain_text("--reason", reason).strip():
        raise UsageError("--reason: expected a text, got nothing")
    config = load(config_file)

    async def work(reader: Reader, each: Source, database: str) -> bool:
        held = await manual.find_held(reader, each, show=show)
        if held is not None and not yes:
            print(resume_text(held, source, database), flush=True)
            return False
        before, sentences = await control.find_resumption(reader, source), list[str]()
        if held is not None and before is not None and before.stopped_at >= held.stop.at:
            held = None  # another person was faster
        if held is not None or await control.find_pause(reader, source) is not None:
            async with open_writer(config.databases[database], each) as writer:
                await control.require_operator(writer)
                ended = await control.resume(reader, writer, source)
                if held is not None:
                    await manual.resume(writer, each, held, reason=reason)
                    sentences.append(f"is resumed; {held.count} sessions were held")
            if ended is not None:
                sentences.append(f"is resumed; it {pause_text(ended, 'was')}")
        done = ", and ".join(sentences) or nothing_to_resume_text(before)
        print(f"{source} ({database}) {done}", flush=True)
        return True

    sources = [require_rule(config, source)]
    results, failed = for_each_source(config, sources, work, settings=reading_settings)
    if not all(results):
        print("Nothing was changed; --yes resumes.")
    return failed
