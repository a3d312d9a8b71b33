"""`session-exporter resume`: ends a pause, or a stop, by a person's decision."""

from exporter.cli import limits
from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import require_rule
from exporter.cli.options import (
    DEFAULT_CONFIG,
    ASource,
    ConfigFile,
    Reason,
    Yes,
    given_reason,
    load,
)
from exporter.cli.output.stops import (
    nothing_to_resume_text,
    obstacle_lines,
    resume_text,
    resumed_text,
)
from exporter.config import Source
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.audit import control
from exporter.recovery.audit.interventions import list_interventions
from exporter.recovery.rule.connections import open_writer


def resume(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
    reason: Reason = None,
    show: limits.Show = 20,
) -> bool:
    """Show the pause of a source, and which sessions are held and why.

    With --yes let automatic recovery go on, and close those.
    """
    given, config = given_reason(reason), load(config_file)

    async def work(reader: Reader, each: Source, database: str) -> bool:
        plan = await manual.plan_resume(reader, each, show=show)
        held = plan.held
        paused = await control.find_pause(reader, source)
        if not yes and (held is not None or paused is not None):
            print(resume_text(plan, paused, source, database), flush=True)
            return False
        if held is not None and await control.resumed_until(reader, source) >= held.stop.at:
            held = None  # another person was faster
        ended = None
        if held is not None or paused is not None:
            async with open_writer(config.databases[database], each) as writer:
                await control.require_operator(writer)
                ended = await control.resume(reader, writer, source, reason=given)
                if held is not None:
                    await manual.resume(writer, each, held, reason=given)
        done = resumed_text(held, ended)
        if not done:
            done = nothing_to_resume_text(await list_interventions(reader, source))
        lines = [f"{source} ({database}) {done}", *obstacle_lines(plan.obstacles)]
        print("\n".join(lines), flush=True)
        return True

    sources = [require_rule(config, source)]
    results, failed = for_each_recovered(config, sources, work)
    if not all(results):
        print("Nothing was changed; --yes resumes.")
    return failed
