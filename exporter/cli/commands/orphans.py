"""`session-exporter orphans`: the rows behind the number, or the keys that they block."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import typer
import uvloop

from exporter import logs, sessions
from exporter.cli import options
from exporter.cli.each_source import find_limited, find_listed, find_sources, for_each_source
from exporter.cli.output.blocked_keys import blocked_json, blocked_table
from exporter.cli.output.orphans import orphan_json, orphan_table
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.config import AnySource, Config, Source
from exporter.evidence.evidence import Evidence
from exporter.postgres import Reader
from exporter.sessions.orphan_list import list_blocked_keys, list_orphans
from exporter.sessions.verdict import NO_EVIDENCE
from exporter.text import as_json, printable

#: What follows where owners, or a store of a list, cannot be read; the other stores count.
_JUDGED_BY_AGE = "sessions that no list holds are judged by age alone"


def orphans(  # noqa: PLR0917 - typer passes them by name
    source: options.OneSource = None,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="List sessions last seen longer ago, such as 1h."),
    ] = None,
    blocked: Annotated[
        bool,
        typer.Option(
            "--blocked",
            help="List the users whom orphans keep from starting a session (limit_per).",
        ),
    ] = False,
    format_: options.Format = options.ListFormat.TABLE,
    limit: options.ListLimit = 100,
) -> bool:
    """List orphaned sessions, or users blocked by them."""
    config = options.load(config_file)
    seconds = options.duration("--older-than", older_than)
    is_json = format_ is options.ListFormat.JSON

    lists = find_listed(config, source)
    if blocked:
        sources = find_limited(config, source)
        lists = [each for each in lists if each.limit_per is not None]
    else:
        sources = [] if source in config.listed else find_sources(config, source)
    evidence = _ask(config, [*sources, *lists])

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        bound = await sessions.bind(reader, each)
        verdict = evidence.verdict(database, each.name) if evidence else NO_EVIDENCE
        after = seconds or each.fixed_threshold
        if blocked:
            keys = await list_blocked_keys(
                reader, bound, limit=limit, older_than=seconds, verdict=verdict
            )
            return (blocked_json if is_json else blocked_table)(each, database, keys, after)
        found = await list_orphans(reader, bound, limit=limit, older_than=seconds, verdict=verdict)
        return (orphan_json if is_json else orphan_table)(each, database, found, after)

    results, failed = for_each_source(config, sources, listed, shows_progress=True)
    if lists and evidence is not None:
        from exporter.cli.output.listed_orphans import describe_lists  # noqa: PLC0415 - few have

        described, is_incomplete = describe_lists(
            lists, evidence, older_than=seconds, blocked=blocked, is_json=is_json, limit=limit
        )
        results, failed = results + described, failed or is_incomplete
    if is_json:
        print(as_json(results))
    elif results:
        print("\n\n".join(results))
    return failed


def _ask(config: Config, sources: Iterable[AnySource]) -> Evidence | None:
    """Ask what owners and lists say of these sources, and say what is unknown; None: there is none.

    Dead owners are known only after grace, so only the daemon knows them.
    """
    chosen = [each for each in sources if each.has_evidence]
    if not chosen:
        return None
    from exporter.daemon import machine_clock  # noqa: PLC0415 - few configs have evidence
    from exporter.daemon.jobs.evidence import EvidenceJob, ask_once  # noqa: PLC0415

    logs.log_errors_only()

    def watch(jobs: Sequence[EvidenceJob]) -> AbstractAsyncContextManager[None]:
        progress = Progress(len(jobs), "owners and lists")
        return polled(progress, lambda: sum(each.has_asked for each in jobs))

    evidence = uvloop.run(ask_once(config, chosen, machine_clock.CLOCK, watch=watch))
    for key, why in evidence.failures.items():
        if not why or not any(name in config.sources for _, name in evidence.users(key)):
            continue
        text = f"session-exporter: {key.name}: {why}; {_JUDGED_BY_AGE}"
        print(printable(text), file=sys.stderr)
    return evidence
