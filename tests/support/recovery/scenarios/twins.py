"""Rows with one id: without a unique index on it alone, a partitioned table can have such."""

import tempfile
from pathlib import Path

from tests.support.collection.declarations import source_of
from tests.support.recovery.chats import SOURCE, Row
from tests.support.recovery.recoveries import Recoveries

TWINS = """
DROP TABLE IF EXISTS public.twins;
CREATE TABLE public.twins (LIKE public.chats INCLUDING DEFAULTS, PRIMARY KEY (id, started_at))
    PARTITION BY RANGE (started_at);
CREATE TABLE public.twins_before PARTITION OF public.twins
    FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE public.twins_since PARTITION OF public.twins
    FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
INSERT INTO public.twins (id, started_at, last_seen_at, ended_by) VALUES {rows};
"""
ORPHAN, LIVE = "now() - interval '1 hour'", "now()"


def of_twins(recoveries: Recoveries, *seen: str) -> Recoveries:
    """Up to three twins, all written at once: two in the first partition, one in the second."""
    starts = ("2019-01-01", "2019-01-02", "2021-01-01")
    rows = ", ".join(
        f"(1, '{start}', {at}, 'nobody {start}')" for start, at in zip(starts, seen, strict=False)
    )
    recoveries.chats.do(TWINS.replace("{rows}", rows))
    with tempfile.TemporaryDirectory() as folder:
        text = SOURCE.replace("public.chats", "public.twins")
        return recoveries.on(source_of(Path(folder), text))


def twins(recoveries: Recoveries) -> list[Row]:
    """All of them."""
    return recoveries.chats.rows("SELECT * FROM public.twins ORDER BY started_at")


def a_live_twin_is_left_alone(recoveries: Recoveries) -> None:
    """Neither the next row of the same partition nor the same place in another one is written."""
    both = of_twins(recoveries, ORPHAN, LIVE, LIVE)
    before = twins(recoveries)
    with both.recovery() as recovery:
        assert len(recovery.finish().recovered) == 1
    after = twins(recoveries)
    assert after[0]["ended_by"] == "recovery"
    assert after[1:] == before[1:]


def twins_get_their_own_back(recoveries: Recoveries) -> None:
    """Orphans with one id are closed in a transaction each, so that undo can tell them apart."""
    both = of_twins(recoveries, ORPHAN, ORPHAN, ORPHAN)
    before = twins(recoveries)
    with both.recovery() as recovery:
        outcome = recovery.finish()
    assert len(outcome.recovered) == len(before)
    assert {row["ended_by"] for row in twins(recoveries)} == {"recovery"}
    with both.undoing(outcome.run) as undoing:
        assert undoing.finish() == len(before)
    assert twins(recoveries) == before
