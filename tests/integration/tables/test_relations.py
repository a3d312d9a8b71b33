"""Everything that a session table may be: its kind, its names, its types, and its expressions."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase, create_database
from exporter.queries import fill
from tests.support.collection import declarations, pages
from tests.support.collection.pages import Page
from tests.support.servers.fresh_databases import drop_database
from tests.support.servers.statements import execute as run
from tests.support.servers.statements import rows

Collect = Callable[..., Awaitable[Page]]

CHAT = """\
chat:
  table: {table}
  active: is_open
  started_at: started
  ended_at: ended
  id: id
  orphaned_after: 2h
"""
COLUMNS = "id int, is_open bool, started timestamptz, ended timestamptz"
#: Three active sessions, two of them orphaned, and one that took 60 s; all of them today or before.
ROWS = """
    SELECT 1, true, now() - interval '1 second', NULL::timestamptz
    UNION ALL SELECT 2, true, now() - interval '3 hours', NULL
    UNION ALL SELECT 3, true, now() - interval '40 days', NULL
    UNION ALL SELECT 4, false, now() - interval '60 seconds', now()
"""
TABLE = f"CREATE TABLE public.chat ({COLUMNS}); INSERT INTO public.chat {ROWS};"


def assert_counted(page: Page, **labels: str) -> None:
    assert not page.failures
    assert page("sessions_active", **labels) == 3
    assert page("sessions_orphaned", **labels) == 2
    assert sum(page.by("days_ago", "sessions_daily_started", **labels).values()) == 3
    average = page.average_durations(**labels)
    assert list(average.values()) == [60.0]


PARTITIONED = f"""
    CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (started);
    CREATE TABLE public.chat_old PARTITION OF public.chat
        FOR VALUES FROM (MINVALUE) TO (now() - interval '1 day') PARTITION BY LIST (is_open);
    CREATE TABLE public.chat_old_open PARTITION OF public.chat_old FOR VALUES IN (true);
    CREATE TABLE public.chat_old_rest PARTITION OF public.chat_old DEFAULT;
    CREATE TABLE public.chat_new PARTITION OF public.chat DEFAULT;
    INSERT INTO public.chat {ROWS};
"""
KINDS = {
    "table": TABLE,
    "partitioned table": PARTITIONED.replace("now() - interval '1 day'", "'{yesterday}'"),
    "view": TABLE.replace("public.chat", "public.chat_base")
    + "CREATE VIEW public.chat AS SELECT * FROM public.chat_base;",
    "view over two tables": TABLE.replace("public.chat", "public.chat_base")
    + f"CREATE TABLE public.more ({COLUMNS});"
    "CREATE VIEW public.chat AS TABLE public.chat_base UNION ALL TABLE public.more;",
    "materialized view": f"CREATE MATERIALIZED VIEW public.chat"
    f" (id, is_open, started, ended) AS {ROWS};",
    "inheritance": TABLE.replace("public.chat", "public.chat_child").replace(
        f"({COLUMNS});", "() INHERITS (public.chat);"
    ),
}
KINDS["inheritance"] = f"CREATE TABLE public.chat ({COLUMNS});" + KINDS["inheritance"]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_relation_is_counted_alike(
    any_database: EmbeddedDatabase, collect: Collect, kind: str
) -> None:
    with any_database.connect() as connection:
        ((yesterday,),) = connection.execute("SELECT now() - interval '1 day'").fetchall()
    run(any_database, KINDS[kind].replace("{yesterday}", str(yesterday)))
    assert_counted(await collect(any_database, CHAT.format(table="public.chat")))


NAMES = {
    "UPPER CASE": ("Big", "Chat"),
    "spaces": ("my schema", "my chat"),
    "quotes": ('a"b', "it's"),
    "unicode": ("練習", "séance"),
    "percent and braces": ("50%", "{chat}"),
    "reserved words": ("user", "select"),
    "63 bytes": ("s" * 63, "t" * 63),
    "dots": ("a.b", "c.d"),
    "backslash": ("a\\b", "c\\"),
}


@pytest.mark.quick("UPPER", "quotes", "percent", "63 bytes")
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
async def test_every_name_of_a_schema_and_a_table_can_be_declared(
    database: EmbeddedDatabase, collect: Collect, names: tuple[str, str]
) -> None:
    qualified = sql.Identifier(*names).as_string(None)
    schema = sql.Identifier(names[0]).as_string(None)
    run(
        database,
        f"CREATE SCHEMA {schema}; CREATE TABLE {qualified} ({COLUMNS});",
        f"INSERT INTO {qualified} {ROWS}",
    )
    page = await collect(database, CHAT.format(table=f"|\n    {qualified}"))
    assert_counted(page)
    assert page("sessions_rows_estimated") is None


COLUMN_NAMES = {
    "camelCase": ("isOpen", "startedAt", "endedAt"),
    "spaces": ("is open", "started at", "ended at"),
    "quotes": ('"open"', "it's at", '"'),
    "percent and braces": ("100%", "{at}", "{}%s"),
    "unicode": ("öffen", "開始", "été"),
    "backslash": ("\\", "a\\b", "c\\n"),
    "the alias": ("s", "s.started", "active"),
}


@pytest.mark.quick("camelCase", "quotes", "percent", "alias")
@pytest.mark.parametrize("columns", COLUMN_NAMES.values(), ids=COLUMN_NAMES.keys())
async def test_every_name_of_a_column_can_be_used(
    database: EmbeddedDatabase, collect: Collect, columns: tuple[str, str, str]
) -> None:
    quoted = [sql.Identifier(name).as_string(None) for name in columns]
    run(
        database,
        "CREATE TABLE public.chat (id int, {} bool, {} timestamptz, {} timestamptz)".format(
            *quoted
        ),
        f"INSERT INTO public.chat {ROWS}",
    )
    active, started, ended = (f"|\n    s.{name}" for name in quoted)
    text = CHAT.format(table="public.chat").replace("is_open", active)
    text = text.replace(": started\n", f": {started}\n").replace(": ended\n", f": {ended}\n")
    assert_counted(await collect(database, text))


@pytest.mark.quick("columns0", "columns1", "columns4")
@pytest.mark.parametrize(
    ("columns", "declared", "found"),
    [
        (("completedAt",), "completedAt", "completedAt"),
        (("completedat",), "CompletedAt", "completedat"),
        (("completedat", "completedAt"), "completedAt", "completedAt"),
        (("completedAt", "completedat"), "COMPLETEDAT", "completedat"),
        (("select",), "select", "select"),
    ],
)
async def test_a_bare_word_is_that_very_column_or_else_its_lower_case(
    database: EmbeddedDatabase,
    collect: Collect,
    columns: tuple[str, ...],
    declared: str,
    found: str,
) -> None:
    times = ", ".join(f'"{name}" timestamptz' for name in columns)
    ages = ", ".join(
        f"now() - interval '{'1 hour' if name == found else '3 hours'}'" for name in columns
    )
    run(
        database,
        f"CREATE TABLE public.chat (is_open bool, {times})",
        f"INSERT INTO public.chat SELECT true, {ages}",
    )
    text = f"chat: {{table: public.chat, active: is_open, started_at: {declared}, "
    page = await collect(database, text + "orphaned_after: 2h}\n")
    assert not page.failures
    assert (page("sessions_active"), page("sessions_orphaned")) == (1, 0)


async def test_a_word_that_is_no_column_gets_the_nearest_name(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(database, TABLE)
    text = CHAT.format(table="public.chat").replace(": started\n", ": startedd\n")
    page = await collect(database, text)
    assert page.failures["chat", "active"] == (
        "started_at: public.chat has no column startedd; did you mean started?"
    )
    assert page("session_exporter_collection_errors_total", reason="schema") == 3


async def test_of_many_columns_a_message_names_the_first(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    columns = ", ".join(f"{'x' * 50}_{number} int" for number in range(1500))
    run(database, f"CREATE TABLE public.chat ({columns})")
    page = await collect(database, CHAT.format(table="public.chat"))
    failure = page.failures["chat", "active"]
    assert failure.endswith(f" {'x' * 50}_19 and 1480 more")
    assert len(failure) < 1200


async def test_an_unqualified_table_is_the_one_the_search_path_finds(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        database,
        TABLE,
        f"CREATE SCHEMA ours; CREATE TABLE ours.chat ({COLUMNS});",
        f'ALTER DATABASE "{database.name}" SET search_path = ours, public',
    )
    page = await collect(database, CHAT.format(table="chat"))
    assert (page("sessions_active"), page("sessions_rows_estimated")) == (0, 0)
    run(database, f'ALTER DATABASE "{database.name}" SET search_path = public, ours')
    assert_counted(await collect(database, CHAT.format(table="chat")))


@pytest.mark.quick("names0", "names3", "names6", "names7")
@pytest.mark.parametrize(
    ("names", "declared", "found"),
    [
        (("Chat", "chat"), "Chat", "Chat"),
        (("Chat", "chat"), "chat", "chat"),
        (("Chat", "chat"), "CHAT", "chat"),
        (("chat",), "Chat", "chat"),
        (("Chat",), '|\n    "Chat"', "Chat"),
        (("Chat", "chat"), "public.Chat", "Chat"),
        (("chat",), '|\n    "Chat"', None),
        (("Chat",), "chat", None),
    ],
)
async def test_a_table_is_that_very_spelling_or_else_its_lower_case(
    database: EmbeddedDatabase,
    collect: Collect,
    names: tuple[str, ...],
    declared: str,
    found: str | None,
) -> None:
    for name in names:
        run(database, f'CREATE TABLE public."{name}" ({COLUMNS})')
    if found:
        run(database, f'INSERT INTO public."{found}" {ROWS}')
    page = await collect(database, CHAT.format(table=declared))
    if found:
        assert_counted(page)
    else:
        assert "there is no table or view" in page.failures["chat", "active"]
        assert page("sessions_active") is None


async def test_where_says_which_rows_exist_at_all(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        database,
        TABLE,
        "ALTER TABLE public.chat ADD deleted_at timestamptz",
        "INSERT INTO public.chat SELECT id, is_open, started, ended, now() FROM public.chat",
    )
    where = "  where: |\n    deleted_at IS NULL\n"
    assert_counted(await collect(database, CHAT.format(table="public.chat") + where))
    page = await collect(database, CHAT.format(table="public.chat"))
    assert page("sessions_active") == 6


async def test_a_condition_that_is_null_is_not_true(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        database,
        TABLE,
        "INSERT INTO public.chat VALUES (5, NULL, now() - interval '9 h', now())",
    )
    page = await collect(database, CHAT.format(table="public.chat"))
    assert (page("sessions_active"), page("sessions_orphaned")) == (3, 2)
    started = sum(page.by("days_ago", "sessions_daily_started").values())
    ended = sum(page.by("days_ago", "sessions_daily_ended").values())
    still_active = sum(page.by("days_ago", "sessions_daily_still_active").values())
    assert started == ended + still_active
    assert ended == 2


async def test_one_source_in_several_databases_is_counted_in_each(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    other = create_database(database.server, f"{database.name}_other")
    try:
        run(database, TABLE)
        run(other, TABLE, "DELETE FROM public.chat WHERE id = 3")
        text = (
            "databases:\n  one: {dsn: '${ONE}'}\n  two: {dsn: '${TWO}'}\nsources:\n"
            "  chat: {database: [one, two], table: public.chat, active: is_open, "
            "started_at: started, ended_at: ended, orphaned_after: 2h}\n"
        )
        page = await pages.collect_config(
            tmp_path / "config.yaml", text, {"ONE": database.dsn, "TWO": other.dsn}
        )
    finally:
        drop_database(other)
    assert_counted(page, database="one")
    assert page("sessions_active", database="two") == 2
    assert page("sessions_orphaned", database="two") == 1
    assert page.by("database", "session_exporter_database_up") == {"one": 1, "two": 1}


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000)])
async def test_integers_since_1970_are_times(
    any_database: EmbeddedDatabase, collect: Collect, unit: str, factor: int
) -> None:
    run(
        any_database,
        "CREATE TABLE public.chat (id int, is_open bool, started bigint, ended bigint)",
        "INSERT INTO public.chat SELECT id, is_open,"
        f" floor(extract(epoch FROM started) * {factor}),"
        f" floor(extract(epoch FROM ended) * {factor})"
        f" FROM ({ROWS}) AS rows (id, is_open, started, ended)",
        "INSERT INTO public.chat VALUES (5, true, NULL, NULL)",
    )
    text = CHAT.format(table="public.chat")
    for name in ("started", "ended"):
        text = text.replace(f": {name}\n", f": {{column: {name}, epoch: {unit}}}\n")
    page = await collect(any_database, text)
    assert not page.failures
    assert (page("sessions_active"), page("sessions_orphaned")) == (4, 2)
    assert page("sessions_inconsistent", kind="undated") == 1
    assert list(page.average_durations().values()) == [60.0]
    oldest = page("sessions_oldest_active_start_timestamp_seconds")
    assert oldest == page("sessions_oldest_orphan_last_seen_timestamp_seconds")


@pytest.mark.quick("bigint", "date-cast", "epoch", "active-", "interval")
@pytest.mark.parametrize(
    ("key", "declared", "type_", "sentence"),
    [
        ("started_at", "started", "bigint", "write started_at: {column: started, epoch: s}"),
        ("started_at", "started", "date", "cast it, for example (s.at)::timestamptz"),
        ("started_at", "started", "text", "expected a timestamp, got text; cast it"),
        ("started_at", "{column: started, epoch: s}", "timestamptz", "because of epoch: s, got"),
        ("active", "started", "timestamptz", "active: expected a condition (boolean), got"),
        ("started_at", "started", "time", "got time without time zone; it has no day; add one"),
        ("started_at", "started", "tstzrange", "got tstzrange; take one of its bounds, for"),
        ("active", "started", "bit(1)", "got bit; write a comparison, for example s.state = B'1'"),
        ("active", "started", "smallint", "got smallint; write a comparison, for example s.state"),
        ("where", "started", "public.mood", "got mood; write a comparison, for example s.ended"),
        ("duration", "started", "interval", "for an interval write extract(epoch FROM s.column)"),
        ("duration", "started", "text", "duration: expected seconds as a number, got text"),
        ("where", "started", "integer", "where: expected a condition (boolean), got integer"),
    ],
)
async def test_a_type_that_does_not_fit_is_a_sentence(
    database: EmbeddedDatabase,
    collect: Collect,
    *,
    key: str,
    declared: str,
    type_: str,
    sentence: str,
) -> None:
    run(
        database,
        "CREATE TYPE public.mood AS ENUM ('open')",
        f"CREATE TABLE public.chat (started {type_}, at timestamptz, is_open bool)",
    )
    keys = {"started_at": "at", "active": "is_open", "orphaned_after": "2h", key: declared}
    lines = "".join(f"  {name}: {value}\n" for name, value in keys.items())
    page = await collect(database, f"chat:\n  table: public.chat\n{lines}")
    assert sentence in page.failures["chat", "active"]
    assert page("session_exporter_collection_errors_total", reason="schema") == 3


EXPRESSIONS = {
    "a percent sign": "is_open AND 'a%' LIKE '%s%%' OR id % 10 IN (1, 2, 3)",
    "braces": "is_open AND '{}'::jsonb = '{}' AND '{1,2}'::int[] <> '{}' AND '{x}' <> '{rows}'",
    "a comment at its end": "is_open -- and nothing else",
    "a comment that looks closed": "is_open /* AND ( */ -- )",
    "newlines": "is_open\n\n    AND\n    id IS NOT NULL",
    "a backslash": r"is_open AND 'a\' <> 'b' AND E'\n' <> 'n'",
    "dollar quotes": "is_open AND $$a'b$$ <> $x$y$x$",
    "or on top": "is_open OR false",
    "a subquery": "is_open AND EXISTS (SELECT FROM pg_class AS s WHERE s.relname = 'pg_class')",
    "the row as a whole": "(s).is_open AND s IS NOT NULL OR s.id IN (1, 2, 3)",
}


@pytest.mark.quick("percent", "looks closed", "dollar", "or on top", "subquery")
@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
async def test_expressions_reach_postgresql_as_they_are_written(
    database: EmbeddedDatabase, collect: Collect, expression: str
) -> None:
    run(database, TABLE)
    text = CHAT.format(table="public.chat").replace("is_open", f"|\n    {expression}")
    page = await collect(database, text + "  where: |\n    true OR false -- all\n")
    assert_counted(page)


async def test_every_expression_may_end_in_a_comment(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(database, TABLE)
    page = await collect(
        database,
        """\
        chat:
          table: public.chat
          active: |
            is_open -- %s {0}
          where: |
            true -- where
          started_at: |
            s.started -- at
          last_seen_at: |
            s.started -- at
          ended_at: |
            s.ended -- at
          duration: |
            extract(epoch FROM s.ended - s.started) -- s
          id: |
            s.id -- id
          orphaned_after: 2h
          overlong_after: 3h
          labels: {parity: {value: "s.id % 2 -- parity", values: [0, 1]}}
          integrity: {odd: "s.id % 2 = 1 -- odd"}
          show: [{hours: "extract(hour FROM s.started) -- hours"}]
        """,
    )
    assert_counted(page)
    assert page.by("parity", "sessions_active_by_label") == {"0": 1, "1": 2, "other": 0}
    assert page("sessions_inconsistent", kind="odd") == 2


async def test_values_of_labels_are_quoted(database: EmbeddedDatabase, collect: Collect) -> None:
    values = ["it's", "back\\slash", "100%", "{}", '"', "a, b", "-- x", "練習"]
    run(database, "CREATE TABLE public.chat (is_open bool, started timestamptz, kind text)")
    with database.connect() as connection:
        for number, value in enumerate(values):
            for _ in range(number + 1):
                connection.execute("INSERT INTO public.chat VALUES (true, now(), %s)", (value,))
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    page = await collect(
        database,
        f"""\
        chat:
          table: public.chat
          active: is_open
          started_at: started
          orphaned_after: 2h
          labels: {{sort: {{value: kind, values: [{listed}]}}}}
        """,
    )
    assert not page.failures
    found = page.by("sort", "sessions_active_by_label")
    assert found == {value: n + 1 for n, value in enumerate(values)} | {"other": 0}


async def test_a_label_may_be_an_enum_a_number_or_a_boolean(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        database,
        "CREATE TYPE public.mood AS ENUM ('good', 'bad')",
        "CREATE TABLE public.chat (is_open bool, started timestamptz, mood public.mood,"
        " level smallint, vip bool, code char(5))",
        "INSERT INTO public.chat VALUES (true, now(), 'bad', 3, true, 'ab'),"
        " (true, now(), NULL, NULL, NULL, NULL)",
    )
    page = await collect(
        database,
        """\
        chat:
          table: public.chat
          active: is_open
          started_at: started
          orphaned_after: 2h
          daily: null
          labels:
            mood: {value: mood, values: [good, bad]}
            level: {value: level, values: [3]}
            vip: {value: vip, values: ["true"]}
            code: {value: code, values: [ab]}
        """,
    )
    assert not page.failures
    bad = {"mood": "bad", "level": "3", "vip": "true", "code": "ab"}
    assert page("sessions_active_by_label", **bad) == 1
    assert page("sessions_active_by_label", **dict.fromkeys(bad, "other")) == 1
    assert page("sessions_active") == 2
    names = [name for name, _ in page.samples if name == "sessions_active_by_label"]
    assert len(names) == 3 * 2 * 2 * 2


async def test_rows_are_unknown_until_analyzed_and_follow_the_pages_then(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    text = CHAT.format(table="public.chat")
    run(any_database, f"CREATE TABLE public.chat ({COLUMNS})")
    assert (await collect(any_database, text))("sessions_rows_estimated") == 0
    fill = "INSERT INTO public.chat SELECT n, false, now(), now() FROM generate_series(1, 5000) n"
    run(any_database, fill)
    page = await collect(any_database, text)
    assert not page.failures
    assert page("sessions_rows_estimated") is None
    run(any_database, "ANALYZE public.chat")
    assert (await collect(any_database, text))("sessions_rows_estimated") == 5000
    run(any_database, fill)
    grown = (await collect(any_database, text))("sessions_rows_estimated")
    assert grown == pytest.approx(10000, rel=0.05)


async def test_rows_of_partitions_are_summed_and_one_unknown_makes_all_unknown(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    run(any_database, KINDS["partitioned table"].replace("{yesterday}", "2020-01-01"))
    run(
        any_database,
        "TRUNCATE public.chat",
        "INSERT INTO public.chat SELECT n, true, '2019-01-01' FROM generate_series(1, 700) n",
        "INSERT INTO public.chat SELECT n, false, '2019-01-01' FROM generate_series(1, 70) n",
        "INSERT INTO public.chat SELECT n, false, now() FROM generate_series(1, 7) n",
    )
    text = CHAT.format(table="public.chat")
    run(any_database, "ANALYZE public.chat_old_open", "ANALYZE public.chat_old_rest")
    assert (await collect(any_database, text))("sessions_rows_estimated") is None
    run(any_database, "ANALYZE public.chat_new")
    assert (await collect(any_database, text))("sessions_rows_estimated") == 777
    run(any_database, "TRUNCATE public.chat_old_open")
    assert (await collect(any_database, text))("sessions_rows_estimated") == 77


async def test_rows_of_a_view_are_what_the_planner_expects(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        any_database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "INSERT INTO public.base SELECT n, false, now(), now() FROM generate_series(1, 500) n",
        "ANALYZE public.base",
        "CREATE VIEW public.chat AS SELECT * FROM public.base",
    )
    page = await collect(any_database, CHAT.format(table="public.chat"))
    assert not page.failures
    assert page("sessions_rows_estimated") == 500


async def test_a_table_that_is_renamed_or_changed_is_found_again_or_said_to_be_missing(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    run(database, TABLE)
    exporter = pages.exporter_of(
        tmp_path / "config.yaml",
        declarations.one_database(CHAT.format(table="public.chat")),
        {"DATABASE_URL": database.dsn},
    )
    try:
        await exporter.collect_once()
        assert_counted(pages.page_of(exporter))
        run(database, "ALTER TABLE public.chat RENAME TO chat_away")
        await exporter.collect_once()
        page = pages.page_of(exporter)
        assert "chat" in page.failures["chat", "active"]
        assert page("session_exporter_collection_success", collector="active") == 0
        run(
            database,
            f"CREATE TABLE public.chat (extra text, {COLUMNS})",
            f"INSERT INTO public.chat (id, is_open, started, ended) {ROWS}",
        )
        await exporter.collect_once()
        assert_counted(pages.page_of(exporter))
    finally:
        await exporter.close()


@pytest.mark.parametrize(
    ("declared", "hint"),
    [
        ("Chat_sessions", "did you mean ours.chat_sessions?"),
        ("public.chat_sessions", "did you mean ours.chat_sessions?"),
        ("chat_session", "did you mean ours.chat_sessions?"),
        ("our.chat_sessions", "did you mean ours.chat_sessions?"),
        ("chatsessions", "did you mean ours.chat_sessions?"),
        ("ours.Calls", 'did you mean "My App"."Calls"?'),
        ("pg_class_", "check `table` and, without a schema in it, the role's search_path"),
        ("entirely_else", "check `table` and, without a schema in it, the role's search_path"),
    ],
)
async def test_the_table_that_may_have_been_meant_is_named(
    database: EmbeddedDatabase, collect: Collect, declared: str, hint: str
) -> None:
    for schema, name in (("ours", "chat_sessions"), ("My App", "Calls")):
        run(database, f'CREATE SCHEMA "{schema}"', f'CREATE TABLE "{schema}"."{name}" ({COLUMNS})')
    page = await collect(database, CHAT.format(table=declared))
    failure = f"there is no table or view {declared} in this database; {hint}"
    assert page.failures["chat", "active"] == failure


async def test_the_table_that_may_have_been_meant_is_found_among_many(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    """And few names are compared, which is done in the event loop."""
    run(
        any_database,
        f"CREATE TABLE public.chat_sessions ({COLUMNS}) PARTITION BY RANGE (started)",
        "DO $$ BEGIN FOR day IN 1..150 LOOP"
        " EXECUTE format('CREATE TABLE public.chat_part_%s PARTITION OF public.chat_sessions FOR"
        " VALUES FROM (%L) TO (%L)', day, date '2026-01-01' + day, date '2026-01-02' + day);"
        " EXECUTE format('CREATE TABLE public.other_%s ()', day);"
        " END LOOP; END $$",
    )
    page = await collect(any_database, CHAT.format(table="chat_sesions"))
    assert "did you mean public.chat_sessions?" in page.failures["chat", "active"]
    found = rows(any_database, fill("collection/hints/tables", wanted="'chat_sesions'"))
    assert (len(found), found[0]) == (100, ("public", "chat_sessions"))
