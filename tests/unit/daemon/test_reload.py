"""What a change of the config leaves true, key by key, and how the schedule changes."""

import asyncio
import gc
import threading
import time
import weakref
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.collection.job import Job, Key
from exporter.config import Config, load_config
from exporter.daemon import schedule as daemon_schedule
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.reload import reloader as reloading
from exporter.daemon.reload.differences import UNRELATED, Differences, with_equal_parts_of
from exporter.daemon.reload.hand_over import close_unused, ending_jobs, hand_over, kept_of
from exporter.daemon.reload.reloader import Reloader
from exporter.daemon.schedule import Schedule

HEAD = "databases: {app: {dsn: 'host=a password=x'}, other: {dsn: 'host=a'}}\n"
PAIR = "app", "chat"

SOURCE = {
    "table": "public.chat",
    "database": "app",
    "active": "is_active",
    "started_at": "started_at",
    "last_seen_at": "seen_at",
    "id": "id",
    "orphaned_after": "2h",
}

#: What a change of the source leaves true.
KEPT = {
    "every: 1m": {"active", "daily", "size", "recovery", "evidence"},
    "alert_above: 9": {"active", "daily", "size", "recovery", "evidence"},
    "objective: 99%": {"active", "daily", "size", "recovery", "evidence"},
    "show: [user_id]": {"active", "daily", "size", "recovery", "evidence"},
    "daily: {every: 9m}": {"active", "daily", "size", "recovery", "evidence"},
    "daily: {days: 9}": {"active", "size", "recovery", "evidence"},
    "timezone: Europe/Berlin": {"active", "size", "recovery", "evidence"},
    "orphaned_after: 1h": {"size"},
    "integrity: {odd: 'false'}": {"daily", "size", "recovery", "evidence"},
    "labels: {sort: {value: sort, values: [a]}}": {"size", "recovery", "evidence"},
    "limit_per: {key: user_id, max: 1}": {"daily", "size", "recovery", "evidence"},
    "ended_at: ended_at": set(),
    "active: is_open": set(),
    "table: public.chats": set(),
    "where: is_real": set(),
    "recovery: {per_hour: 3}": {"active", "daily", "size", "recovery", "evidence"},
    "recovery: {exempt: is_kept}": {"active", "daily", "size", "evidence"},
}


def config(folder: Path, *changes: str, head: str = HEAD) -> Config:
    keys = dict(SOURCE)
    for change in changes:
        key, _, value = change.partition(": ")
        keys[key] = value
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    path = folder / "config.yaml"
    path.write_text(f"{head}sources:\n  chat:\n{lines}", encoding="utf-8")
    return load_config(path, {})


@pytest.mark.parametrize("change", KEPT)
def test_a_change_of_a_source_leaves_true_what_it_does_not_touch(
    tmp_path: Path, change: str
) -> None:
    found = Differences(config(tmp_path), config(tmp_path, change))
    assert not found.is_same(PAIR)
    assert {each for each in UNRELATED if found.holds(each, PAIR)} == KEPT[change]


@pytest.mark.parametrize(
    ("dsn", "is_same_place"),
    [("host=a password=y user=u", True), ("host=b password=x", False), ("host=a port=1", False)],
)
def test_a_database_is_the_same_with_other_credentials(
    tmp_path: Path, dsn: str, is_same_place: bool
) -> None:
    after = config(tmp_path, head=HEAD.replace("host=a password=x", dsn))
    found = Differences(config(tmp_path), after)
    assert not found.is_same_database("app")
    assert not found.is_same(PAIR)
    assert found.is_same_place("app") == found.holds("active", PAIR) == is_same_place
    assert found.is_same_database("other")


@pytest.mark.parametrize(
    ("before", "after", "is_kept"),
    [
        ("every: 15s", "every: 20s", True),
        ("request: {headers: {A: b}}", "request: {headers: {A: c}}", True),
        ("request: {method: GET}", "request: {method: POST}", False),
        ("ghost_after: 1m", "ghost_after: 2m", False),
    ],
)
def test_the_answers_of_a_list_hold_where_the_same_is_asked(
    tmp_path: Path, before: str, after: str, is_kept: bool
) -> None:
    head = HEAD + "lists: {calls: {urls: {app: 'http://a/'}, SETTING}}\n"
    found = Differences(
        config(tmp_path, "list: calls", head=head.replace("SETTING", before)),
        config(tmp_path, "list: calls", head=head.replace("SETTING", after)),
    )
    assert not found.is_same(PAIR)
    assert not found.asks_the_same("calls", "")
    assert found.answers_the_same("calls", "") == found.holds("recovery", PAIR) == is_kept
    assert found.holds("daily", PAIR)


def test_what_is_equal_is_one_object(tmp_path: Path) -> None:
    before, after = config(tmp_path), config(tmp_path)
    assert after == before
    assert after.sources["chat"] is not before.sources["chat"]
    merged = with_equal_parts_of(before, after)
    assert merged == after
    assert merged.sources["chat"] is before.sources["chat"]
    assert merged.databases["app"] is before.databases["app"]


class Sharing(Job):
    """Runs until it may end."""

    SHARES_MESSAGES = True

    def __init__(self, source: str) -> None:
        super().__init__(Key("app", source, "active"), interval=600.0)
        self.runs = 0
        self.may_end = asyncio.Event()
        self.has_ended = False

    async def _run(self) -> None:
        self.runs += 1
        try:
            await self.may_end.wait()
        finally:
            self.has_ended = True


async def test_a_job_that_is_replaced_has_ended_before_the_next_one_runs() -> None:
    clock = Clock(monotonic=time.monotonic, wall=time.time)
    old, stays, new = Sharing("a"), Sharing("b"), Sharing("a")
    schedule = Schedule([old, stays], clock)
    schedule.start()
    try:
        async with asyncio.timeout(10):
            while not (old.runs and stays.runs):  # noqa: ASYNC110 - of APScheduler
                await asyncio.sleep(0.005)
            await schedule.remove([old.key], 0.01)
            assert old.has_ended
            await schedule.add([new])
            while not new.runs:  # noqa: ASYNC110 - of APScheduler
                await asyncio.sleep(0.005)
        assert (old.runs, stays.runs, new.runs) == (1, 1, 1)
        assert not stays.has_ended
    finally:
        new.may_end.set()
        stays.may_end.set()
        await schedule.stop(1.0)


async def test_a_job_that_was_about_to_begin_is_removed_with_the_others() -> None:
    clock = Clock(monotonic=time.monotonic, wall=time.time)
    old, new = Sharing("a"), Sharing("a")
    schedule = Schedule([Sharing("b")], clock)
    schedule.start()
    await schedule.add([old])  # joins the group of the other, and begins at once
    await schedule.remove([old.key], 0.0)
    await schedule.add([new])
    await asyncio.sleep(0.01)
    assert new.runs == 1
    new.may_end.set()
    await schedule.stop(0.01)


async def test_jobs_that_are_added_begin_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_schedule, "STARTED_TOGETHER", 4)
    clock = Clock(monotonic=time.monotonic, wall=time.time)
    stays, added = Sharing("stays"), [Sharing(str(number)) for number in range(12)]
    for each in (stays, *added):
        each.may_end.set()
    schedule = Schedule([stays], clock)
    schedule.start()
    begun = [0]
    async with asyncio.timeout(10):
        while not stays.runs:  # noqa: ASYNC110 - of APScheduler
            await asyncio.sleep(0.005)
        adding = asyncio.create_task(schedule.add(added))
        while begun[-1] < len(added):
            await asyncio.sleep(0)
            begun.append(sum(each.runs for each in added))
    assert max(after - before for before, after in pairwise(begun)) <= 4
    await adding
    await schedule.stop(1.0)


async def test_nothing_of_the_exporter_before_waits_for_garbage_collection(tmp_path: Path) -> None:
    before = Exporter(config(tmp_path), CLOCK)
    gone = [weakref.ref(each) for each in (before, before.page, before.snapshots, before.jobs[0])]
    after_config = config(tmp_path, "every: 1m")
    gc.collect()
    gc.disable()
    try:
        differences = Differences(before.config, after_config)
        ended = ending_jobs(before, after_config, differences, CLOCK)
        assert before.jobs[0] in ended
        kept = kept_of(before, ended, differences)
        after = before.remade(after_config, kept)
        hand_over(before, after, kept, differences)
        del kept
        await close_unused(before, after, ended)
        del before, ended, differences
        assert [each() for each in gone] == [None] * 4
    finally:
        gc.enable()


async def test_a_file_that_cannot_be_read_to_its_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = Exporter(config(tmp_path), CLOCK)
    schedule = Schedule([], CLOCK)
    may_end = threading.Event()

    def hanging() -> Config:
        may_end.wait()
        return exporter.config

    reloader = Reloader(exporter, schedule, CLOCK, load=hanging, on_change=lambda _: None)
    monkeypatch.setattr(reloading, "READ_SECONDS", 0.01)
    assert not await reloader.reload()
    assert exporter.reloads.problems == 1
    monkeypatch.setattr(reloading, "READ_SECONDS", 30.0)
    may_end.set()
    assert await reloader.reload()
    assert exporter.reloads.problems == 0
    await reloader.stop()
