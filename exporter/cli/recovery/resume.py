"""`session-exporter resume`: ends a pause, or a stop, by a person's decision."""

from typing import Annotated

import typer

from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import require_rule
from exporter.cli.options import (
    DEFAULT_CONFIG,
    ASource,
    ConfigFile,
    Format,
    ListFormat,
    Reason,
    Yes,
    limits,
    load,
    parse_reason,
)
from exporter.cli.output.report import Report
from exporter.cli.output.stops import (
    command_text,
    nothing_to_resume_text,
    obstacle_lines,
    resume_json,
    resume_text,
    resumed_json,
    resumed_text,
    unnamed_text,
    unseen_text,
)
from exporter.cli.output.terminal.failures import print_failure
from exporter.config import Source
from exporter.errors import SourceError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.audit.interventions import list_interventions
from exporter.recovery.manual import ResumePlan
from exporter.recovery.rule.connections import open_writer

Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Resume only this stop or pause, by the name that the plan prints, and nothing "
        "begun since; may be repeated. `pause` is any pause.",
        show_default=False,
    ),
]


def resume(
    source: ASource,
    config_file: ConfigFile = DEFAULT_CONFIG,
    *,
    yes: Yes = False,
    only: Only = None,
    reason: Reason = None,
    show: limits.Show = 20,
    format_: Format = ListFormat.TABLE,
) -> bool:
    """Show what recovery holds; resume it with --yes.

    It shows the pause of a source, and which sessions a stop holds and why. With --yes automatic
    recovery closes those that are still orphaned.
    """
    given, config, names = parse_reason(reason), load(config_file), only or []
    shown = dict[str, None]()
    unnamed = dict[str, str]()
    resumed = set[str]()

    def print_plan(plan: ResumePlan, database: str) -> None:
        report.note(resume_text(plan, source, database))
        shown.update(dict.fromkeys(plan.names))

    async def work(reader: Reader, each: Source, database: str) -> None:
        if each.has_evidence:
            from exporter.cli.recovery.evidence import asked_evidence  # noqa: PLC0415 - few have

            async with asked_evidence(config, each, database, reader):
                pass  # what was said is known to the reader; resuming closes nothing itself
        plan = await manual.plan_resume(reader, each, show=show)
        chosen = plan.only(names) if names else plan
        report.begin("", source=source, database=database, plan=resume_json(plan))
        if plan.is_needed and not (yes and chosen.is_needed):
            print_plan(plan, database)
            if yes:
                unnamed[database] = unnamed_text(plan.names)
            return
        if yes and not names and plan.held is not None and plan.held.is_unseen:
            print_plan(plan, database)
            raise SourceError(unseen_text(plan.held))
        async with open_writer(config.databases[database], each) as writer:
            held, ended = await manual.resume(reader, writer, each, chosen, reason=given)
        done = resumed_text(held, ended)
        report.add("", outcome=resumed_json(held, ended))
        if done:
            resumed.add(database)
        else:
            done = nothing_to_resume_text(await list_interventions(reader, source))
        lines = [f"{source} ({database}) {done}", *obstacle_lines(plan.obstacles)]
        report.note("\n".join(lines))
        left = plan.without(chosen)
        if left.is_needed:
            print_plan(left, database)

    with Report(format_, has_run=False) as report:
        _, failed = for_each_recovered(config, [require_rule(config, source)], work)
    # What is named is on in one database; in the others something else may be on.
    for database, why in unnamed.items() if not resumed else ():
        print_failure(source, database, why)
    if shown and format_ is ListFormat.TABLE:
        begin = "To" if yes else "Nothing was changed; to"
        file = "" if config_file is DEFAULT_CONFIG else str(config_file)
        print(f"{begin} resume what is shown, and nothing that begins later:")
        print(command_text(source, shown, file))
    return failed or (bool(unnamed) and not resumed)
