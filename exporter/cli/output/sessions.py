"""Lists of sessions: their new values, and sessions that are not listed or not chosen."""

from collections.abc import Mapping, Sequence

from exporter.cli.options import MOST_ROWS
from exporter.cli.output.terminal.table import Id, table
from exporter.config import AnySource, Source, format_duration
from exporter.recovery.close.candidates import Preview
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.session_id import id_text
from exporter.sessions.orphan_list import IdText
from exporter.text import UNKNOWN, age, finite, instant, iso, printable

#: Of one session, and of any other number.
LEFT = ("is left alone", "are left alone")


def known_to_daemon(source: AnySource) -> list[str]:
    """The causes that repeated answers prove, which a command that asks once cannot know."""
    if not isinstance(source, Source):
        return []
    causes = {"ownerless": source.owners_name, "ghost": source.list}
    return [cause for cause, declared in causes.items() if declared is not None]


def known_to_daemon_text(source: AnySource) -> str:
    """The same as a sentence; empty where there are none."""
    names = {"ownerless": "ownerless sessions", "ghost": "ghosts"}
    found = " and ".join(names[cause] for cause in known_to_daemon(source))
    return f"{found} are known to the daemon alone" if found else ""


def preview_table(rule: Rule, previews: Sequence[Preview]) -> str:
    """The new values of each session."""
    has_cause = rule.table.source.has_evidence
    headers = [f"{name} becomes" for name in rule.changes] + list(rule.returning)
    marks_undone = any(each.is_undone for each in previews)
    headers += ["undone before"] if marks_undone else []
    rows = []
    for each in previews:
        last_seen = UNKNOWN if each.last_seen is None else instant(each.last_seen)
        written = [each.written(name) for name in rule.changes]
        values = [each.returning[name] for name in rule.returning]
        cells = ["NULL" if value is None else str(value) for value in values]
        undone = ["yes" if each.is_undone else "no"] if marks_undone else []
        cause = [each.cause or UNKNOWN] if has_cause else []
        rows.append(
            [Id(each.session), *cause, last_seen, age(each.silence), *written, *cells, *undone]
        )
    return table(
        ["id", *(["cause"] if has_cause else []), "last seen", "silent for", *headers], rows
    )


def previews_json(rule: Rule, previews: Sequence[Preview]) -> list[dict[str, object]]:
    """The same for programs."""
    has_cause = rule.table.source.has_evidence
    return [
        {
            "id": rule.id.as_json(each.session),
            "last_seen_at": iso(each.last_seen),
            "silence_seconds": finite(each.silence),
            "becomes": dict(each.changes),
            "times": dict(each.times),
            "returning": dict(each.returning),
            "undone": each.is_undone,
            **({"cause": each.cause} if has_cause else {}),
        }
        for each in previews
    ]


def more_lines(count: int, listed: int, option: str = "--show") -> list[str]:
    """That so many of the rows are not listed, and how to list them."""
    if count <= listed:
        return []
    if count <= MOST_ROWS:
        return [f"… and {count - listed} more; {option} {count} shows all"]
    return [f"… and {count - listed} more; {option} shows {MOST_ROWS} at most"]


def hidden_lines(why: str) -> list[str]:
    """Why the sessions are not listed although there are some; nothing for an empty reason."""
    return [f"warning: the new values cannot be shown: {printable(why)}"] if why else []


def unselected_lines(unselected: Mapping[str, str]) -> list[str]:
    """Each session of --id that would be left alone, and why."""
    return [f"    --id {printable(each)}: {why}" for each, why in unselected.items()]


def threshold_text(seconds: float | None) -> str:
    """The time after which sessions are orphaned; None if each row has its own threshold."""
    return "the threshold of each row" if seconds is None else format_duration(seconds)


def id_cell(id_: IdText) -> str:
    """An id in a table of sessions."""
    return Id(id_text(id_)) if id_ else UNKNOWN
