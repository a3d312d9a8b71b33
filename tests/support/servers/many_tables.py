"""A database with thousands of tables, made in seconds, and the processor time of statements."""

import re
from pathlib import Path

from exporter.demo.server.databases import EmbeddedDatabase

#: Tables of every kind that applications have: those with times come in all proportions. Each loop
#: commits, because a transaction may not hold that many locks.
_MANY = """
DO $$ BEGIN
  FOR g IN 1..{count} LOOP
    EXECUTE format('CREATE TABLE app_%s.', mod(g, 10)) || CASE
      WHEN mod(g, 500) = 0 THEN format('visit_%s (id bigint PRIMARY KEY, user_id bigint,
        status text, started_at timestamptz NOT NULL, ended_at timestamptz,
        last_seen_at timestamptz)', g)
      WHEN mod(g, 4) = 0 THEN format('record_%s (id bigint PRIMARY KEY, name text,
        created_at timestamptz, updated_at timestamptz, valid_from date, valid_until date)', g)
      ELSE format('item_%s (id bigint, parent_id bigint, name text, kind integer,
        amount numeric, note text, created_at timestamp)', g) END;
    IF mod(g, 500) = 0 THEN COMMIT; END IF;
  END LOOP;
END $$
"""

_FILLED = """
DO $$ DECLARE t regclass; BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relname LIKE 'visit\\_%' AND relkind = 'r' LOOP
    EXECUTE format('INSERT INTO %s SELECT g, mod(g, 20), ''open'', now() - g * interval ''1 hour''
      FROM generate_series(1, 200) AS g', t);
    EXECUTE format('UPDATE %s SET status = ''closed'',
      ended_at = started_at + interval ''20 min'' WHERE id > 5', t);
    EXECUTE format('ANALYZE %s', t);
  END LOOP;
END $$
"""


def create_many_tables(database: EmbeddedDatabase, count: int) -> None:
    """Create the tables in ten schemas; one in five hundred is a session table with rows."""
    with database.connect() as connection:
        connection.autocommit = True
        for number in range(10):
            connection.execute(f"CREATE SCHEMA app_{number}".encode())
        for statement in (_MANY.replace("{count}", str(count)), _FILLED):
            connection.execute(statement.encode())


_USAGE = re.compile(r"^\t!\t([\d.]+) s user, ([\d.]+) s system,", re.MULTILINE)


def processor_seconds(log: Path) -> list[float]:
    """What each message of clients cost, from the log of a server with log_statement_stats."""
    found = _USAGE.findall(log.read_text(encoding="utf-8", errors="replace"))
    return [float(user) + float(system) for user, system in found]
