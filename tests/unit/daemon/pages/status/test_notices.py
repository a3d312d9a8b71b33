"""What is said beside a source that is not open."""

from exporter.daemon.pages.overview.values import Brake, EvidenceOverview
from exporter.daemon.pages.status.notices import notices_of
from tests.support.pages.overviews import (
    a_collector,
    a_recovery,
    a_source,
    a_stopped_recovery,
)


def test_a_source_that_does_well_has_none() -> None:
    assert notices_of(a_source("a", 0)) == []


def test_collectors_that_fail_alike_are_one_notice() -> None:
    why = {"reason": "connect", "failure": "Connection refused"}
    source = a_source(
        "a",
        0,
        collectors=(
            a_collector(**why),
            a_collector(collector="daily", is_fresh=False, **why),
            a_collector(collector="size", reason="timeout"),
        ),
    )
    assert [(each.tone, each.text) for each in notices_of(source)] == [
        ("bad", "Collecting active, daily failed: Connection refused"),
        ("warn", "Collecting size failed: timeout"),
    ]


def test_evidence_that_is_unknown_is_named() -> None:
    evidence = (
        EvidenceOverview("calls", "list", is_known=False, why="answered 500"),
        EvidenceOverview("servers", "owners", is_known=True, why=None),
    )
    (notice,) = notices_of(a_source("a", 0, evidence=evidence))
    assert notice.text == "List calls: unknown, so age alone decides: answered 500"


def test_that_what_no_answer_has_had_is_closed_by_age_alone_is_said_where_recovery_is_on() -> None:
    evidence = (
        EvidenceOverview("calls", "list", is_known=True, why=None, never_listed=2),
        EvidenceOverview("servers", "owners", is_known=True, why=None, never_listed=1),
    )
    assert notices_of(a_source("a", 0, evidence=evidence)) == []
    recovery = a_recovery(mode="auto")
    said = [
        each.text for each in notices_of(a_source("a", 0, evidence=evidence, recovery=recovery))
    ]
    assert said == [
        "2 ghosts, which no answer of calls has had since the start: closed by age alone",
        "1 dead owner, which no answer of servers has had since the start: closed by age alone",
    ]


def test_a_stop_and_a_pause_are_sentences_with_the_command_that_goes_on() -> None:
    notices = notices_of(a_source("a", 18, recovery=a_stopped_recovery("a")))
    assert [each.text.split(" since")[0] for each in notices] == [
        "Paused",
        "Stopped",
        "40 sessions are held.",
    ]
    assert [len(each.commands) for each in notices] == [0, 0, 1]
    assert notices[-1].commands[0].text.endswith("-- session-exporter resume a")


def test_a_brake_that_ends_without_a_person_is_a_remark() -> None:
    brake = Brake("grace", is_stop=False, why=None, since=None)
    words = ("Automatic recovery is on.", "Braked by grace.")
    recovery = a_recovery(mode="auto", brakes=(brake,), words=words)
    (notice,) = notices_of(a_source("a", 0, recovery=recovery))
    assert (notice.tone, notice.text, notice.commands) == ("note", "Braked by grace.", ())


def test_recovery_that_fails_says_why() -> None:
    recovery = a_recovery(mode="auto", reason="permission", failure="no right to UPDATE")
    (notice,) = notices_of(a_source("a", 0, recovery=recovery))
    assert (notice.tone, notice.text) == ("bad", "Recovery failed: no right to UPDATE")
