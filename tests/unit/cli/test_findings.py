"""`check --live` for people: a line for what is well, all of what is wrong, at most a screen."""

import re

import pytest

from exporter.check.findings import Finding, Status
from exporter.cli.output.findings import Style, Summary, all_findings
from exporter.text import some_of, wrapped

PLAIN = Style()
INDEX = 'CREATE INDEX CONCURRENTLY "a_very_long_name_of_a_table_active_idx"\n    ON "x"."y" ("z");'


def source(name: str, *more: Finding, database: str = "app") -> list[Finding]:
    well = [
        Finding(database, name, "table", Status.OK, "it is a table"),
        Finding(database, name, "sessions", Status.OK, "3 active, 1 orphaned; newest sign 4s ago"),
    ]
    return [*well, *more]


def found(status: Status, check: str = "some check", *commands: str, message: str = "m") -> Finding:
    return Finding("app", "chats", check, status, message, commands)


def lines_of(groups: list[list[Finding]], style: Style = PLAIN, *, several: bool = False) -> str:
    summary = Summary(style, with_database=several)
    lines = [line for group in groups for line in summary.add(group)]
    return "\n".join([*lines, *summary.end()])


def test_a_database_and_a_source_that_are_well_are_one_line_each() -> None:
    connected = Finding("app", None, "connection", Status.OK, "connected to d as r")
    kind = Finding("app", None, "replica", Status.OK, "it is a primary")
    clock = Finding("app", None, "clock", Status.OK, "it differs by 0.001 s")
    assert lines_of([[connected, kind, clock], source("chats")]) == (
        "✓ database app: connected to d as r; it is a primary\n"
        "✓ chats: 3 active, 1 orphaned; newest sign 4s ago\n"
        "1 source checked: nothing is wrong; --all shows every check in full"
    )


def test_a_source_says_of_which_database_it_is_where_there_are_several() -> None:
    assert "\n✓ chats in two: 3" in "\n" + lines_of([source("chats", database="two")], several=True)


def test_problems_and_remarks_stand_below_their_source() -> None:
    groups = [
        source("chats", found(Status.WARNING, "read-only", message="the role could write")),
        source("calls"),
        [Finding("app", "gone", "schema", Status.FAILED, "there is no table")],
    ]
    assert lines_of(groups).splitlines() == [
        "! chats: 3 active, 1 orphaned; newest sign 4s ago",
        "  ! read-only: the role could write",
        "✓ calls: 3 active, 1 orphaned; newest sign 4s ago",
        "✗ gone",
        "  ✗ schema: there is no table",
        "3 sources checked: 1 problem, 1 remark; --all shows every check in full",
    ]


@pytest.mark.parametrize("remarks", [False, True])
def test_of_a_thousand_sources_a_screen_is_shown(*, remarks: bool) -> None:
    more = [found(Status.WARNING)] if remarks else []
    lines = lines_of([source(f"s{n}", *more) for n in range(1000)]).splitlines()
    assert len(lines) == (38 if remarks else 20)
    assert lines[-2] == f"and 982 more well{' but for remarks' if remarks else ''}"
    assert lines[-1].startswith("1000 sources checked: nothing is wrong")


def test_every_problem_is_shown_however_many_there_are() -> None:
    text = lines_of([source(f"s{n}", found(Status.FAILED)) for n in range(1000)])
    assert text.count("  ✗ some check: m\n") == 1000
    assert "more well" not in text


def test_the_commands_of_a_finding_are_bounded_and_it_says_what_prints_them_all() -> None:
    commands = [f"CREATE INDEX i{n};" for n in range(1000)]
    for check, how in {
        "index for active": "`session-exporter sql index chats` prints all of them",
        "recovery rights": "`check --live --format json` has all of them",
    }.items():
        text = lines_of([source("chats", found(Status.FAILED, check, *commands))])
        assert text.count("CREATE INDEX") == 20
        assert f"      -- and 980 more commands: {how}\n" in text


def test_a_remark_is_a_line_without_its_commands() -> None:
    message = "the role could also write to this table and to that one; ask a DBA to run:"
    remark = found(Status.WARNING, "read-only", "REVOKE a;", "REVOKE b;", message=message)
    group = source("chats", remark)
    assert f"\n  ! read-only: {message} (--all shows 2 commands)\n" in lines_of([group])
    assert "\n  ! read-only: the role could also write ...\n" in lines_of([group], Style(width=44))
    assert "REVOKE" not in lines_of([group])
    assert "REVOKE b;" in "\n".join(all_findings(group, PLAIN))


def test_all_shows_every_check_below_the_name_of_its_source() -> None:
    group = source("chats", found(Status.FAILED, "index for active", INDEX))
    assert list(all_findings(group, PLAIN)) == [
        "source chats in database app",
        "  ✓ table: it is a table",
        "  ✓ sessions: 3 active, 1 orphaned; newest sign 4s ago",
        "  ✗ index for active: m",
        *(f"      {line}" for line in INDEX.splitlines()),
    ]


def test_lines_are_wrapped_between_words_and_sql_is_not() -> None:
    message = f"no index serves it, ask a DBA with `session-exporter sql index chats` {'ab ' * 40}"
    group = source("chats", found(Status.FAILED, "index for active", INDEX, message=message))
    lines = lines_of([group], Style(width=50)).splitlines()
    assert [line for line in lines if len(line) > 50] == [f"      {INDEX.splitlines()[0]}"]
    assert "`session-exporter sql index chats`" in "\n".join(lines)
    start = lines.index("  ✗ index for active: no index serves it, ask a")
    assert lines[start + 1].startswith("    DBA with")
    words = " ".join(" ".join(line.split()) for line in lines)
    assert " ".join(message.split()) in words


def test_only_marks_are_coloured_and_each_state_has_its_own_mark() -> None:
    findings = [found(status) for status in Status]
    coloured = "\n".join(all_findings(findings, Style(has_colours=True)))
    assert re.sub(r"\x1b\[\d+m(.)\x1b\[0m", r"\1", coloured) == "\n".join(
        all_findings(findings, PLAIN)
    )
    for style in (PLAIN, Style(has_ticks=False)):
        marks = {style.mark(status) for status in Status}
        assert len(marks) == len(Status)
        assert style.has_ticks or all(mark.isascii() for mark in marks)


def test_a_terminal_escape_in_a_message_is_shown_and_not_sent() -> None:
    text = "\n".join(all_findings([found(Status.OK, message="a\x1b[31mb")], Style(width=80)))
    assert "\x1b" not in text
    assert "a\\x1b[31mb" in text


def test_a_word_that_is_wider_than_the_line_stays_whole() -> None:
    assert wrapped(f"a {'b' * 30} c", 10) == ["a", "b" * 30, "c"]
    assert wrapped("a `b c d e` f", 4) == ["a", "`b c d e`", "f"]
    assert wrapped("", 10) == [""]
    assert wrapped("日本語 日本語", 12) == ["日本語", "日本語"]


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    names = [f"n{number}" for number in range(1000)]
    assert some_of(names[:20]) == ", ".join(names[:20])
    assert some_of(names) == f"{', '.join(names[:20])} and 980 more"
    assert some_of(iter(names), most=2, between="; ") == "n0; n1 and 998 more"
    assert some_of([]) == ""
