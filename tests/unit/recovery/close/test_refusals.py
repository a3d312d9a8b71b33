"""A cause for which sessions are refused is reported once, until it has not occurred for long."""

from exporter.recovery.close.refusals import FORGOTTEN_AFTER, MOST_CAUSES, Refusals


def test_a_cause_is_reported_once_with_how_many_sessions_it_refuses() -> None:
    refusals = Refusals()
    assert refusals.add({"1": "a", "2": "a", "3": "b"}, 0.0) == {"a": 2, "b": 1}
    assert refusals.set_aside(1.0) == {"1", "2", "3"}
    assert refusals.add({"1": "a", "4": "c"}, FORGOTTEN_AFTER - 1) == {"c": 1}
    # What occurs again and again stays known; what did not occur for long is new.
    assert refusals.add({"1": "a", "3": "b"}, FORGOTTEN_AFTER + 1) == {"b": 1}


def test_messages_that_differ_for_each_session_fill_neither_the_log_nor_the_memory() -> None:
    refusals = Refusals()
    found = refusals.add({str(n): f"cause {n}" for n in range(1000)}, 0.0)
    assert len(found) == MOST_CAUSES
    assert refusals.add({str(n): f"cause {n}" for n in range(1000)}, 1.0) == {}
