"""Recovering a big backlog by hand, against single statements that write the same rows.

The budget: 0.7 of the speed of one statement that updates and audits, 99 % of locks no longer than
100 ms and none longer than 250 ms.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.support import locks, machine, programs, servers
from exporter.demo.server.databases import EmbeddedDatabase

CONFIG = """\
databases:
  app: {{dsn: "{dsn}"}}
sources:
  conversations:
    table: public.conversations
    active: is_active
    started_at: session_start
    ended_at: session_end
    duration: duration_seconds
    id: session_id
    orphaned_after: 2h
    recovery:
      set:
        is_active: false
        session_end: "{{end}}"
        ended_at: "{{end}}"
        duration_seconds: |
          extract(epoch FROM {{end}} - s.session_start)
      end_at: |
        least(now(), s.session_start + interval '2 hours')
      returning: [user_id]
"""

#: Ten months of orphans with random ids, and with the index that `sql index` prints.
TABLE = """\
DROP TABLE IF EXISTS public.conversations;
CREATE TABLE public.conversations (
    session_id       uuid PRIMARY KEY,
    user_id          text NOT NULL,
    is_active        boolean NOT NULL DEFAULT true,
    session_start    timestamptz NOT NULL DEFAULT now(),
    session_end      timestamptz,
    ended_at         timestamptz,
    duration_seconds double precision
);
INSERT INTO public.conversations (session_id, user_id, session_start)
SELECT
    gen_random_uuid(),
    'user ' || number % 10000,
    now() - interval '3 hours' - {age} * interval '300 days'
FROM generate_series(1, {rows}) AS number;
CREATE INDEX ON public.conversations (session_start) WHERE is_active;
TRUNCATE session_exporter.recovery, session_exporter.run;
VACUUM ANALYZE public.conversations;
CHECKPOINT
"""

BARE = """\
UPDATE public.conversations AS s
SET is_active = false,
    session_end = least(now(), s.session_start + interval '2 hours'),
    ended_at = least(now(), s.session_start + interval '2 hours'),
    duration_seconds = extract(epoch FROM
        least(now(), s.session_start + interval '2 hours') - s.session_start)
WHERE is_active AND session_start < now() - interval '2 hours'
"""

#: As a share of the ten months: written in the order in which they started, as applications do; or
#: scattered, as when rows were written over many times.
AGES = {"in order": "(1 - number::float8 / {rows})", "scattered": "random()"}

WRITTEN = ("is_active", "session_end", "ended_at", "duration_seconds")
TEXTS = ", ".join(f"'{name}', nullif(format('%s', s.{name}), '')" for name in WRITTEN)

#: One statement that locks all rows at once, and audits the same values as recovery does.
AUDITED = """\
WITH found AS MATERIALIZED (
    SELECT
        s.session_id,
        least(now(), s.session_start + interval '2 hours') AS ending,
        jsonb_build_object({texts}) AS before,
        jsonb_build_object(
            'last_seen', s.session_start,
            'silence_seconds', extract(epoch FROM now() - s.session_start)) AS evidence
    FROM public.conversations AS s
    WHERE is_active AND session_start < now() - interval '2 hours'
    FOR UPDATE
),
closed AS (
    UPDATE public.conversations AS s
    SET is_active = false,
        session_end = e.ending,
        ended_at = e.ending,
        duration_seconds = extract(epoch FROM e.ending - s.session_start)
    FROM found AS e
    WHERE s.session_id = e.session_id
    RETURNING s.session_id, e.before, e.evidence, jsonb_build_object({texts}) AS after
),
described AS (
    INSERT INTO session_exporter.run (run, source, rule)
    VALUES (
        '00000000-0000-0000-0000-000000000000', 'conversations',
        '{"orphaned_after_seconds": 7200.0,
            "end_at": "least(now(), s.session_start + interval ''2 hours'')\\n",
            "evidence": null, "exempt": null}'
    )
)
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, evidence, before, after, row_version)
SELECT
    '00000000-0000-0000-0000-000000000000', 'conversations', 'public.conversations',
    ARRAY[session_id::text], 'manual', evidence, before, after,
    (pg_current_xact_id()::text::numeric % 4294967296)::text
FROM closed
""".replace("{texts}", TEXTS)


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement."""

    seconds: float
    held: list[float]
    """How long each transaction held its row locks, in seconds."""
    peak_mib: float | None = None


class Bench:
    """A server with the table, and the variants of closing its sessions."""

    def __init__(self, database: EmbeddedDatabase, folder: Path, rows: int, order: str) -> None:
        self._database = database
        self._rows = rows
        self._table = TABLE.format(rows=rows, age=AGES[order].format(rows=rows))
        self._config = folder / "config.yaml"
        self._config.write_text(CONFIG.format(dsn=database.dsn), encoding="utf-8")
        self._do(programs.run("sql", "audit", "-c", self._config).output)

    def statement(self, text: str) -> Figures:
        """One transaction of one statement: every lock is held until it ends."""
        self._make_table()
        begun = time.perf_counter()
        self._do(text)
        seconds = time.perf_counter() - begun
        self._prove(is_audited=text != BARE)
        return Figures(seconds, [seconds])

    def recover(self, batch: int | None) -> Figures:
        """The command, from the shell's point of view: with its start and its plan."""
        self._make_table()
        log = self._database.server.folder / "server.log"
        since = log.stat().st_size
        ended = programs.run(
            *("recover", "conversations", "-c", self._config, "--yes", "--backlog"),
            "--despite-brake",
            *([] if batch is None else ["--batch", str(batch)]),
        )
        self._prove(is_audited=True)
        return Figures(ended.seconds, list(locks.held(log, since)), ended.peak_mib)

    def _make_table(self) -> None:
        for command in self._table.split(";\n"):
            self._do(command)

    def _prove(self, *, is_audited: bool) -> None:
        left = self._count("public.conversations WHERE is_active OR duration_seconds <> 7200")
        audited = self._count("session_exporter.recovery WHERE after->>'is_active' = 'f'")
        if left or audited != self._rows * is_audited:
            raise RuntimeError(f"{left} sessions are not closed, {audited} are in the audit")

    def _count(self, what: str) -> int:
        with self._database.connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
        return int(row[0]) if row else 0

    def _do(self, text: str) -> None:
        with self._database.connect() as connection:
            connection.execute(text.encode())


def main() -> None:
    """Measure in turn, in another order each time, and print medians."""
    parser = argparse.ArgumentParser(prog="benchmarks.bulk_recovery", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[50, 200, 500, 1000, 2000])
    parser.add_argument("--order", choices=AGES, default="in order", help="of the rows on the disk")
    options = parser.parse_args()
    figures: dict[str, list[Figures]] = defaultdict(list)
    print(
        f"{options.rows} orphans {options.order}, {options.repeats} repeats; {machine.described()}",
        flush=True,
    )
    with (
        servers.started(**locks.SETTINGS) as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = Bench(database, Path(folder), options.rows, options.order)
        ways: dict[str, Callable[[], Figures]] = {"bare UPDATE": partial(bench.statement, BARE)}
        ways["one statement with audit"] = partial(bench.statement, AUDITED)
        ways["recover"] = partial(bench.recover, None)
        for batch in options.batches:
            ways[f"recover --batch {batch}"] = partial(bench.recover, batch)
        for _ in range(options.repeats):
            for name in random.sample(list(ways), len(ways)):
                figures[name].append(ways[name]())
    print_table({name: figures[name] for name in ways})


def print_table(figures: dict[str, list[Figures]]) -> None:
    """Print a line for each way; speeds are compared with the one statement with audit."""
    compared = [each.seconds for each in figures["one statement with audit"]]
    print(f"{'':28} {'seconds: median, range':>24} {'speed: median, fastest':>24}", end=" ")
    print(f"{'locked: 99 %, longest':>22} {'memory':>9}")
    for name, measured in figures.items():
        seconds = [each.seconds for each in measured]
        median = statistics.median(seconds)
        speed = statistics.median(compared) / median
        held = sorted(length * 1000 for each in measured for length in each.held)
        peaks = [each.peak_mib for each in measured if each.peak_mib is not None]
        print(
            f"{name:28} {median:8.2f} {min(seconds):7.2f} {max(seconds):7.2f} "
            f"{speed:16.2f} {min(compared) / min(seconds):7.2f} "
            f"{held[len(held) * 99 // 100]:11.0f} {held[-1]:7.0f} ms "
            f"{f'{max(peaks):.0f} MiB' if peaks else '':>9}"
        )


if __name__ == "__main__":
    main()
