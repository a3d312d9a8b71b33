"""Recovery of one source: its mode, brakes, stops and pauses in words, and the next commands."""

from collections.abc import Iterator
from typing import NamedTuple

from exporter.config import AnySource
from exporter.daemon.pages.overview.commands import ShownCommand, make_command
from exporter.daemon.pages.overview.values import Brake, PauseOverview, RecoveryOverview
from exporter.recovery.decision.brakes import BRAKES, STOPS
from exporter.recovery.status import RecoveryStatus
from exporter.text import instant, number_of


class Viewer(NamedTuple):
    """The reader: whether details are shown, and the prefix of commands."""

    sees_details: bool
    command_prefix: str


def recovery_overview(
    source: AnySource, status: RecoveryStatus | None, now: float, viewer: Viewer
) -> RecoveryOverview:
    """At monotonic time `now`; there is no status of a source without an id."""
    status = status or RecoveryStatus()
    runs = source.recovery.mode != "disabled"
    is_fresh = status.brakes is not None and now <= status.expires_at
    brakes = tuple(_brakes(status, viewer)) if is_fresh and runs else ()
    pause = _pause(status, viewer) if is_fresh and runs else None
    held = status.held if is_fresh and runs else None
    return RecoveryOverview(
        mode=source.recovery.mode,
        is_fresh=is_fresh,
        last_run_at=status.last_run,
        brakes=brakes,
        pause=pause,
        candidates=status.candidates if is_fresh and runs else None,
        held=held,
        recovered=dict(status.recovered),
        undone=status.undone,
        contradicted=status.contradicted,
        failed={reason: count for reason, count in status.failed.items() if count},
        skipped={reason: count for reason, count in status.skipped.items() if count},
        words=tuple(_words(source, status, brakes, pause, held, is_fresh=is_fresh)),
        reason=status.reason,
        failure=status.failure if viewer.sees_details else None,
        commands=tuple(_commands(source, brakes, pause, held, viewer)),
    )


def _brakes(status: RecoveryStatus, viewer: Viewer) -> Iterator[Brake]:
    for name in BRAKES:
        if name in (status.brakes or ()):
            why = status.why.get(name, name).removeprefix(f"{name}: ")
            if why.startswith("stopped since "):  # which `since` says
                why = why.partition(", because ")[2] or why
            yield Brake(
                name,
                is_stop=name in STOPS,
                why=why if viewer.sees_details else None,
                since=status.braked_since.get(name),
            )


def _pause(status: RecoveryStatus, viewer: Viewer) -> PauseOverview | None:
    if not status.paused:
        return None
    pause = status.pause
    if pause is None:
        return PauseOverview(None, None, None)
    if not viewer.sees_details:
        return PauseOverview(pause.at, None, None)
    return PauseOverview(pause.at, pause.role, pause.reason)


def _words(
    source: AnySource,
    status: RecoveryStatus,
    brakes: tuple[Brake, ...],
    pause: PauseOverview | None,
    held: int | None,
    *,
    is_fresh: bool,
) -> Iterator[str]:
    match source.recovery.mode:
        case "disabled":
            declared = source.recovery.is_declared
            yield f"Automatic recovery is {'disabled' if declared else 'not configured'}."
            return
        case "dry_run":
            yield "Automatic recovery is in dry run: it closes nothing."
        case _:
            yield "Automatic recovery is on."
    if status.brakes is None:
        yield "It has not run yet." if status.reason is None else "It has not succeeded yet."
    elif not is_fresh:
        yield "Its last successful run was too long ago."
    if status.reason is not None:
        yield f"Its last run failed ({status.reason})."
    if pause is not None:
        since = "" if pause.since is None else f" since {instant(pause.since)}"
        who = "" if pause.role is None else f" by {pause.role}"
        yield _sentence(f"Paused{since}{who}{_because(pause.reason)}")
    for brake in brakes:
        since = "" if brake.since is None else f" since {instant(brake.since)}"
        kind = "Stopped" if brake.is_stop else "Braked"
        yield _sentence(f"{kind}{since} by {brake.name}{_because(brake.why)}")
    if held:
        yield f"{number_of(held, 'session is held', 'sessions are held')}."


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _sentence(text: str) -> str:
    """With its end, which the reason of a person, or a question, may have already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _commands(
    source: AnySource,
    brakes: tuple[Brake, ...],
    pause: PauseOverview | None,
    held: int | None,
    viewer: Viewer,
) -> Iterator[ShownCommand]:
    def command(*words: str, purpose: str) -> ShownCommand:
        return make_command(viewer.command_prefix, *words, purpose=purpose)

    if pause is not None or held or any(brake.is_stop for brake in brakes):
        yield command(
            "resume", source.name, purpose="show what is held, and what resuming would do"
        )
    if source.recovery.is_declared:
        yield command("recover", source.name, purpose="show what closing by hand would do")
        yield command("runs", source.name, purpose="list what was closed and undone")
