"""Closing overwrites an end that stands for none, and keeps one that the application wrote."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.recovery.planned_stops import run, stopping
from tests.support.servers.statements import rows

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: {{column: started, epoch: s}}
  last_seen_at: seen
  ended_at: {ended_at}
  timestamps_in: Asia/Tokyo
  id: id
  orphaned_after: 2h
  recovery: {{set: {{is_open: false, ended: "{{end}}"}}}}
"""
#: How a column declares an end, and how it stores an instant.
STORED = {
    "bigint": ("{column: ended, epoch: ms}", "extract(epoch FROM {}) * 1000"),
    "double precision": (
        "{column: 'NULLIF(s.ended, 7)', epoch: us}",
        "extract(epoch FROM {}) * 1e6",
    ),
    "timestamptz": ("ended", "{}"),
    "timestamp": ("NULLIF(ended, '9999-12-31')", "{} AT TIME ZONE 'Asia/Tokyo'"),
}
START, SEEN = "to_timestamp(1764150000)", "to_timestamp(1764160000)"
ENDS = [START, f"{START} - interval '1 hour'", "'1970-01-01 00:00Z'::timestamptz"]
ENDS += ["'9999-12-31'::timestamptz AT TIME ZONE 'Asia/Tokyo' AT TIME ZONE 'UTC'"]


@pytest.mark.quick("bigint")
@pytest.mark.parametrize("type_", STORED)
async def test_an_end_that_stands_for_none_is_overwritten_and_a_genuine_one_stays(
    database: EmbeddedDatabase, tmp_path: Path, type_: str
) -> None:
    ended_at, form = STORED[type_]
    genuine = "to_timestamp(1764155000)"
    none = ["'-infinity'", "'infinity'"] if "bigint" not in type_ else ["0", "-1"]
    if type_ == "double precision":
        none += ["'NaN'", "7"]
    values = [*none, *(form.format(f"({end})") for end in ENDS), "NULL", form.format(genuine)]
    run(
        database,
        "CREATE TABLE public.chat (id serial PRIMARY KEY, is_open bool DEFAULT true,"
        f" started int DEFAULT 1764150000, seen timestamptz DEFAULT {SEEN}, ended {type_})",
        *(f"INSERT INTO public.chat (ended) VALUES ({value})" for value in values),
    )
    async with stopping(database, tmp_path, CHAT.format(ended_at=ended_at)) as it:
        found = await all_candidates(it.reader, it.rule, with_backlog=True)
        outcome = await close_found(it.writer, it.rule, found, with_backlog=True)
    assert (outcome.closed, outcome.refused) == (len(values), {})
    ends = rows(
        database,
        f"SELECT ended = ({form.format(SEEN)})::{type_}, ended = ({form.format(genuine)})::{type_}"
        " FROM public.chat ORDER BY id",
    )
    assert ends == [(True, False)] * (len(values) - 1) + [(False, True)]
