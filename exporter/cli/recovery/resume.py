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
        if plan.is_needed and not yes:
            print(resume_text(plan, source, database), flush=True)
            return False
        async with open_writer(config.databases[database], each) as writer:
            held, ended = await manual.resume(reader, writer, each, plan, reason=given)
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
