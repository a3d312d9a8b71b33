"""Overviews as the status page gets them, with what a test is about."""

from dataclasses import replace
from typing import Any

from exporter.daemon.pages.overview.commands import make_command
from exporter.daemon.pages.overview.details import (
    InconsistentDetail,
    OrphanDetail,
    RunDetail,
    SourceDetails,
)
from exporter.daemon.pages.overview.values import (
    Advice,
    Brake,
    CollectorOverview,
    DatabaseOverview,
    DayOverview,
    LimitOverview,
    Overview,
    PauseOverview,
    RecoveryOverview,
    SettingsOverview,
    SilenceBucket,
    SourceOverview,
    Standing,
)
from exporter.metrics.catalog import BUCKETS

#: 2026-03-08 03:00:00Z
NOW = 1772938800.0
PREFIX = "kubectl exec deploy/session-exporter --"


def a_collector(**changes: Any) -> CollectorOverview:
    """The active collector of a source; it succeeded 12 s ago and runs again in 18 s."""
    collector = CollectorOverview(
        collector="active",
        is_fresh=True,
        last_success_at=NOW - 12,
        age=12.0,
        interval=30.0,
        next_at=NOW + 18,
        duration=0.004,
        reason=None,
        failure=None,
        has_run=True,
    )
    return replace(collector, **changes)


def a_recovery(**changes: Any) -> RecoveryOverview:
    """Recovery that is disabled and has never closed anything."""
    recovery = RecoveryOverview(
        mode="disabled",
        is_fresh=True,
        last_run_at=None,
        brakes=(),
        pause=None,
        candidates=None,
        held=None,
        recovered={"auto": 0, "manual": 0, "close": 0},
        undone=0,
        contradicted=0,
        failed={},
        skipped={},
        words=(),
        reason=None,
        failure=None,
        commands=(),
    )
    return replace(recovery, **changes)


def a_stopped_recovery(source: str) -> RecoveryOverview:
    """Automatic recovery that a wave has stopped, and a person has paused."""
    command = make_command(
        PREFIX, "resume", source, purpose="show what is held, and what resuming would do"
    )
    plan = make_command(PREFIX, "recover", source, purpose="show what closing by hand would do")
    return a_recovery(
        mode="auto",
        last_run_at=NOW - 20,
        brakes=(Brake("share", is_stop=True, why="40 of 60 sessions", since=NOW - 2900),),
        pause=PauseOverview(NOW - 600, "alice", "deploying"),
        candidates=40,
        held=40,
        recovered={"auto": 12, "manual": 3, "close": 0},
        words=(
            "Automatic recovery is on.",
            "Paused since 2026-03-08 02:50:00Z by alice: deploying.",
            "Stopped since 2026-03-08 02:11:40Z by share: 40 of 60 became orphaned together.",
            "40 sessions are held.",
        ),
        commands=(command, plan),
    )


def an_orphan(number: int, **changes: Any) -> OrphanDetail:
    """An orphan, which is silent for longer the smaller its number is."""
    orphan = OrphanDetail(
        id=f"a73c3334-a1eb-42f8-9d3f-{number:012}",
        last_seen_at=NOW - 90_000 + number * 60,
        silence=90_000.0 - number * 60,
        age=96_000.0 - number * 60,
        orphaned_after=7200.0,
        cause="age" if number % 3 else "ownerless",
        owner=f"ws-{number % 4}",
        show={"user_id": f"user {number}"},
    )
    return replace(orphan, **changes)


def some_details(source: str, orphans: int) -> SourceDetails:
    """So many orphans, a row that contradicts itself, and two runs."""
    undo = make_command(PREFIX, "undo", "2f1c7a", purpose="undo it")
    run = RunDetail("2f1c7a", NOW - 7200, "auto", "recoverer", 3, 0, None, None, undo)
    older = RunDetail("99aa01", NOW - 86400, "manual", "bob", 12, 12, "deploy", "too early", None)
    row = InconsistentDetail(
        f"{source}-7", ("ended_but_active",), NOW - 9000, None, NOW - 600, {"user_id": "user 7"}
    )
    return SourceDetails(
        orphans=tuple(
            an_orphan(number, show={"user_id": f"{source} user {number}"})
            for number in range(min(orphans, 100))
        ),
        orphans_read_at=NOW - 12,
        orphans_failure=None,
        orphans_are_cut=orphans > 100,
        inconsistent=(row,),
        inconsistent_failure=None,
        inconsistent_are_cut=False,
        runs=(run, older),
        dead_owners=(),
    )


def a_limit(orphaned: int | None, alert_above: int | None = 5) -> LimitOverview:
    """Orphans against a limit; above it, for an hour and rising."""
    if orphaned is None or alert_above is None or orphaned <= alert_above:
        return LimitOverview(alert_above, None, False, None, None, None)
    return LimitOverview(alert_above, NOW - 3700, False, "rising", 3, 600.0)


def a_source(name: str, orphaned: int | None = 0, **changes: Any) -> SourceOverview:
    """A source in database `app`, collected and within its limit if it has no more orphans."""
    sessions = [20, 14, 9, 5, 3, 0, 1, 0, orphaned or 0, 0, 0, 0]
    bands = zip((*map(float, BUCKETS), None), (*sessions, 0), strict=True)
    days = tuple(
        DayOverview(f"2026-03-{8 - n:02}", 3 + n * n % 11, 2 + n * n % 11, 0, n % 3, n % 3, 512.5)
        for n in range(7)
    )
    standing: Standing = "above_limit" if orphaned is not None and orphaned > 5 else "fine"
    source = SourceOverview(
        source=name,
        database="app",
        standing=standing,
        is_fresh=orphaned is not None,
        active=None if orphaned is None else sum(sessions),
        orphaned=orphaned,
        overlong=0,
        lost=3,
        returned=1,
        settings=SettingsOverview(7200.0, None, 0.99),
        limit=a_limit(orphaned),
        causes={"age": orphaned - orphaned // 3, "ownerless": orphaned // 3} if orphaned else {},
        dead_owners=None,
        oldest_orphan_last_seen_at=NOW - 90_000 if orphaned else None,
        oldest_silence=90_000.0 if orphaned else None,
        excess=86_000.0 if orphaned else 0.0,
        oldest_start_at=NOW - 100_000,
        newest_start_at=NOW - 90,
        silences=() if orphaned is None else tuple(SilenceBucket(*each) for each in bands),
        is_silence_age=False,
        inconsistent={"ended_but_active": 1} if orphaned else {},
        keys_at_limit=None,
        keys_blocked=None,
        days=days,
        rows_estimated=3049.0,
        indexes_missing=(),
        live={},
        untracked=None,
        disagreeing=None,
        collectors=(a_collector(), a_collector(collector="daily", interval=300.0)),
        recovery=a_recovery(),
        evidence=(),
        errors={},
        skipped={},
        advice=(
            Advice(
                "More sessions are orphaned than 5, the limit of the alert.",
                make_command(PREFIX, "orphans", name, purpose="list them, longest silent first"),
                "SessionsOrphanedAboveThreshold",
            ),
        )
        if orphaned
        else (),
        details=some_details(name, orphaned) if orphaned else None,
    )
    return replace(source, **changes)


def an_overview(*sources: SourceOverview, **changes: Any) -> Overview:
    """All of these sources, for a reader who sees details."""
    standings = [each.standing for each in sources]
    overview = Overview(
        version="0.1.0",
        now=NOW,
        started_at=NOW - 240,
        shows_details=True,
        keeps_details=True,
        config_failure=None,
        sources=sources,
        databases=(DatabaseOverview("app", True, None),),
        above_limit=standings.count("above_limit"),
        failing=standings.count("failing"),
    )
    return replace(overview, **changes)


#: Sources in every standing, worst first.
EVERY_STANDING = (
    a_source("conversations", 18, recovery=a_stopped_recovery("conversations")),
    a_source(
        "coaching",
        None,
        standing="failing",
        collectors=(
            a_collector(is_fresh=False, age=4000.0, reason="timeout", failure="statement timeout"),
            a_collector(collector="daily", is_fresh=False, age=None, has_run=False),
        ),
    ),
    a_source("training", 2, standing="attention", recovery=a_recovery(mode="dry_run", held=2)),
    a_source("calls", None, standing="waiting", collectors=(a_collector(age=None, has_run=False),)),
    a_source("transcripts", 0),
)
