"""`check --live` says what is there, and names the unit or the offset that would fit."""

import re
from collections.abc import Callable

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.source import check_source
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.servers.statements import execute

SourceOf = Callable[[str], Source]

#: Twelve sessions, of which one began every half hour; all but the two oldest were seen just now.
SETUP = """
CREATE DOMAIN millis AS bigint;
CREATE TABLE chat (
    n int, at timestamptz, local timestamp, s bigint, ms millis, us numeric, ns float8,
    seen timestamptz
);
INSERT INTO chat
SELECT
    n, at, at AT TIME ZONE 'Asia/Kolkata', second, second * 1e3, second * 1e6, second * 1e9,
    CASE WHEN n < 11 THEN now() ELSE at END
FROM generate_series(1, 12) AS n
CROSS JOIN LATERAL (SELECT now() - (n - 1) * interval '30 minutes' - interval '10 s') AS t (at)
CROSS JOIN LATERAL (SELECT extract(epoch FROM at)) AS e (second)
"""


async def found(database: EmbeddedDatabase, source: Source) -> dict[str, Finding]:
    pool = Database(declarations.settings_of(database.dsn))
    try:
        return {each.check: each async for each in check_source(pool, source)}
    finally:
        await pool.close()


def declare(started_at: str, *more: str) -> str:
    lines = (
        "table: chat",
        'active: "true"',
        f"started_at: {started_at}",
        "orphaned_after: 2h",
        *more,
    )
    return "chat:\n" + "".join(f"  {line}\n" for line in lines)


def problems(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.message for name, each in found.items() if name.startswith("times of ")}


@pytest.mark.parametrize(
    "declared",
    [
        ("at", "last_seen_at: seen"),
        ("local", "timestamps_in: Asia/Kolkata"),
        *((f"{{column: {name}, epoch: {name}}}",) for name in ("s", "ms", "us", "ns")),
    ],
)
async def test_what_is_there_is_said_in_one_line(
    any_database: EmbeddedDatabase, source_of: SourceOf, declared: tuple[str, ...]
) -> None:
    execute(any_database, *SETUP.split(";\n"))
    said = await found(any_database, source_of(declare(*declared)))
    has_seen = "last_seen_at: seen" in declared
    orphaned, least = (2, 0) if has_seen else (8, 10)
    found_line = re.fullmatch(
        rf"12 active, {orphaned} orphaned; newest sign of life (\d+)s ago", said["sessions"].message
    )
    assert said["sessions"].status == Status.OK
    assert found_line is not None
    assert least <= int(found_line[1]) < least + 40  # the machine may be busy
    assert problems(said) == {}


UNITS = ("s", "ms", "us", "ns")


@pytest.mark.parametrize("declared", UNITS)
@pytest.mark.parametrize("written", UNITS)
async def test_a_wrong_unit_is_a_cross_that_names_the_right_one(
    database: EmbeddedDatabase, source_of: SourceOf, written: str, declared: str
) -> None:
    execute(database, *SETUP.split(";\n"))
    said = await found(database, source_of(declare(f"{{column: {written}, epoch: {declared}}}")))
    if declared == written:
        assert problems(said) == {}
        return
    assert said["times of started_at"].status == Status.FAILED
    message = said["times of started_at"].message
    when = "before 2000" if UNITS.index(declared) > UNITS.index(written) else "in the future"
    assert message.startswith(
        f"epoch: {declared} cannot be right: 12 of 12 rows would be of a time"
    )
    assert when in message
    assert message.endswith(f"write started_at: {{…, epoch: {written}}}")


@pytest.mark.parametrize(
    ("zone", "ahead"), [("UTC", "5h30m"), ("America/New_York", "10h30m"), ("Asia/Dubai", "1h30m")]
)
async def test_a_zone_too_far_west_is_a_cross_with_the_offset(
    database: EmbeddedDatabase, source_of: SourceOf, zone: str, ahead: str
) -> None:
    execute(database, *SETUP.split(";\n"), "SET timezone = UTC")
    said = await found(database, source_of(declare("local", f"timestamps_in: {zone}")))
    assert said["times of started_at"].status == Status.FAILED
    message = said["times of started_at"].message
    # New York is an hour nearer to Kolkata in summer.
    offsets = {ahead, "9h30m"} if zone == "America/New_York" else {ahead}
    assert any(f"a zone that is {each} ahead of {zone};" in message for each in offsets)


async def test_a_zone_too_far_east_is_a_remark(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(database, *SETUP.split(";\n"))
    said = await found(database, source_of(declare("local", "timestamps_in: Asia/Tokyo")))
    assert said["times of started_at"].status == Status.WARNING
    assert "in a zone that is 3h30m behind Asia/Tokyo" in said["times of started_at"].message


async def test_local_times_that_are_stored_as_instants_are_a_cross(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(database, *SETUP.split(";\n"), "UPDATE chat SET at = at + interval '2 hours'")
    said = await found(database, source_of(declare("at")))
    assert said["times of started_at"].status == Status.FAILED
    assert "its local time, 2h ahead" in said["times of started_at"].message


async def test_single_values_are_only_counted(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    odd = "UPDATE chat SET at = CASE n WHEN 3 THEN '1970-01-01' ELSE now() + interval '1 year' END"
    execute(database, *SETUP.split(";\n"), f"{odd} WHERE n IN (3, 4)")
    said = await found(database, source_of(declare("at")))
    assert said["sessions"].message.endswith("ahead, 1 in the future, 1 before 2000")
    assert problems(said) == {}


async def test_an_empty_table_has_no_times(database: EmbeddedDatabase, source_of: SourceOf) -> None:
    execute(database, *SETUP.split(";\n"), "DELETE FROM chat")
    said = await found(database, source_of(declare("at", "last_seen_at: seen")))
    assert said["sessions"].message == "0 active, 0 orphaned"
    assert problems(said) == {}


@pytest.mark.parametrize(
    ("unit", "said", "status"),
    [
        ("1 h", "from 1h 0m to 12h 0m, with a median of 6h 0m$", Status.OK),
        (
            "1 s",
            "from 1s to 12s, .* of 6s; .* count in a unit that is too small[?]$",
            Status.WARNING,
        ),
        ("10 years", "from 365.* count in a unit that is too large[?]$", Status.WARNING),
    ],
)
async def test_thresholds_of_the_rows_are_said_and_compared_with_what_a_session_lasts(
    any_database: EmbeddedDatabase, source_of: SourceOf, unit: str, said: str, status: Status
) -> None:
    execute(any_database, *SETUP.split(";\n"))
    declared = declare("at").replace("2h", f"{{sql: \"n * interval '{unit}'\"}}")
    finding = (await found(any_database, source_of(declared)))["thresholds"]
    assert finding.status is status
    assert re.search(said, finding.message)


async def test_rows_without_a_usable_threshold_are_counted(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(any_database, *SETUP.split(";\n"))
    declared = declare("at").replace("2h", "{sql: \"(n - 4) * interval '1 h'\"}")
    finding = (await found(any_database, source_of(declared)))["unusable thresholds"]
    assert finding.status is Status.WARNING
    assert finding.message.startswith("of 4 of 12 active sessions, orphaned_after gives NULL, zero")


@pytest.mark.parametrize(
    ("max_age", "status", "said"),
    [
        ("19h", Status.OK, "a session settles for half of the longest threshold, 6h 0m$"),
        ("17h", Status.WARNING, "with max_age 17h some are backlog before that; .* than 18h 0m$"),
    ],
)
async def test_automatic_recovery_waits_for_the_longest_threshold_within_max_age(
    database: EmbeddedDatabase, source_of: SourceOf, max_age: str, status: Status, said: str
) -> None:
    execute(database, *SETUP.split(";\n"))
    recovery = (
        f"recovery: {{mode: dry_run, set: {{n: '0'}}, max_age: {max_age}, end_at: now,"
        " trust_age: true}"
    )
    declared = declare("at", "id: n", "where: n > 0", recovery).replace(
        "2h", "{sql: \"n * interval '1 h'\"}"
    )
    finding = (await found(database, source_of(declared)))["settling"]
    assert finding.status is status
    assert re.search(said, finding.message)
