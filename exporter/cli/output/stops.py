"""Pauses and stops: the held sessions and why, and the result of a resume."""

import shlex
from collections.abc import Iterable

from exporter.cli.output.sessions import hidden_lines, more_lines, preview_table, previews_json
from exporter.recovery.audit.interventions import Intervention
from exporter.recovery.manual import Held, ResumePlan
from exporter.recovery.status import Pause
from exporter.text import UNKNOWN, instant, iso, number_of, printable


def pause_text(pause: Pause, verb: str = "is") -> str:
    """Since when automatic recovery is paused, by which role, and why."""
    why = "" if pause.reason is None else f": {pause.reason}"
    return printable(f"{verb} paused since {instant(pause.at)} by {pause.role}{why}")


def resume_text(plan: ResumePlan, source: str, database: str) -> str:
    """The pause, the held sessions and why, and those to be closed after a resume."""
    held, paused = plan.held, plan.paused
    if held is None:
        about = "" if paused is None else f" {pause_text(paused)}"
        found = f"{source} ({database}){about}; nothing is held"
        return "\n".join([found, *obstacle_lines(plan.obstacles)])
    since = instant(held.stop.at)
    count = number_of(held.count, "session is held", "sessions are held")
    lines = [
        f"{source} ({database}) is {_cause(held)}",
        f"  {count}; once resumed, automatic recovery closes those of them",
        f"  that are still orphaned; what fell silent after {since} is judged as a new wave",
    ]
    lines[1:1] = _also_lines(held)
    if paused is not None:
        lines.append(f"  it {pause_text(paused, 'is also')}")
    lines += obstacle_lines(plan.obstacles)
    lines += hidden_lines(held.hidden)
    if held.previews:
        lines.append(preview_table(held.selection.rule, held.previews))
    return "\n".join([*lines, *more_lines(held.count, len(held.previews))])


def pause_json(pause: Pause | None) -> dict[str, object] | None:
    """A pause for programs; docs/commands.md describes it."""
    if pause is None:
        return None
    return {"since": iso(pause.at), "role": pause.role, "reason": pause.reason}


def resume_json(plan: ResumePlan) -> dict[str, object]:
    """The pause and the held sessions, for programs."""
    held = plan.held
    return {
        "names": list(plan.names),
        "pause": pause_json(plan.paused),
        "held": held
        and {
            "count": held.count,
            "brake": held.stop.brake,
            "is_stop": held.is_written,
            "since": iso(held.stop.at) if held.is_written else None,
            "why": held.stop.why,
            "also": list(held.also),
            "sessions": previews_json(held.selection.rule, held.previews),
        },
        "obstacles": list(plan.obstacles),
    }


def resumed_json(held: Held | None, ended: Pause | None) -> dict[str, object]:
    """The ended pause and stop, for programs."""
    return {"held": 0 if held is None else held.count, "pause": pause_json(ended)}


def _cause(held: Held) -> str:
    """The cause that holds the sessions, to follow "it is"."""
    if held.stop.brake == "budget":
        return "not stopped, but may close fewer sessions within 24 hours than are orphaned"
    if not held.is_written:
        return printable(f"about to be stopped by the next run, because {held.stop.why}")
    stop = held.stop
    return printable(f"stopped since {instant(stop.at)} ({stop.brake}), because {stop.why}")


def _also_lines(held: Held) -> list[str]:
    return [printable(f"  and {each}") for each in held.also]


def obstacle_lines(obstacles: Iterable[str]) -> list[str]:
    """Other obstacles to automatic recovery, which no `resume` ends."""
    return [printable(f"  nothing is closed while this lasts: {each}") for each in obstacles]


def command_text(source: str, names: Iterable[str], config_file: str) -> str:
    """The command that resumes the shown stop and pause, and nothing that has begun since."""
    only = [argument for name in names for argument in ("--only", name)]
    config = ["--config.file", config_file] if config_file else []
    words = ["session-exporter", "resume", source, "--yes", *only, *config]
    return printable("  " + shlex.join(words))


def unseen_text(held: Held) -> str:
    """Why `--yes` alone does not resume: another stop, or only a pause, was in force."""
    return (
        f"nothing was resumed: the stop {held.name} began less than an hour ago, and before it "
        "there was something else to resume; check it, and name it by --only"
    )


def unnamed_text(names: Iterable[str]) -> str:
    """Why `--only` has resumed nothing."""
    return (
        f"nothing was resumed: --only does not name what is on now ({', '.join(names)}); check "
        "that, because it may have begun since"
    )


def resumed_text(held: Held | None, ended: Pause | None) -> str:
    """The ended stop and pause; empty if there are none."""
    done = list[str]()
    if held is not None:
        done.append(number_of(held.count, "session was held", "sessions were held"))
    if ended is not None:
        why = "" if ended.reason is None else f" ({ended.reason})"
        done.append(f"the pause of {instant(ended.at)} by {ended.role}{why} has ended")
    if not done:
        return ""
    lines = [printable(f"is resumed: {', and '.join(done)}")]
    if held is not None:
        lines += [f"  it was {_cause(held)}", *_also_lines(held)]
    return "\n".join(lines)


def nothing_to_resume_text(interventions: Iterable[Intervention]) -> str:
    """That there is nothing to resume, and which person has resumed before."""
    before = next((each for each in interventions if each.kind == "resume"), None)
    if before is None:
        return "was not paused, and nothing is held"
    why = "" if before.reason is None else f": {before.reason}"
    return printable(
        f"was not paused, and nothing is held; it was resumed before, at {instant(before.at)} by "
        f"{before.role or UNKNOWN}{why}"
    )
