"""Which ids are the same in another spelling."""

import pytest

from exporter.evidence.judgement.spelling import is_respelled
from tests.support.evidence.asked import AskedList, AskedOwners

UUID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("absent", "present", "expected"),
    [
        (UUID, UUID.upper(), True),
        (UUID, f"{{{UUID}}}", True),
        (UUID, UUID.replace("-", ""), True),
        (UUID, UUID[:-1] + "8", False),
        (UUID, f"urn:uuid:{UUID}", True),
        ("Room A", "room a", True),
        ("/user/jos\u00e9/", "/user/jose\u0301/", True),  # one character, or two
        ("/user/jos\u00e9/", "/user/jos%C3%A9/", True),
        ("/user/jos\u00e9/", "/user/jose/", False),
        ("50% off", "50%20off", False),
        ("a  ", "a", True),
        ("7", "007", True),
        ("7", "70", False),
        ("0", "00", True),
        ("1-2", "12", False),
        (r"\x01ab", "01AB", True),  # bytea
        (r"\x01ab", "0x01ab", True),
        (r"\x01ab", "1ab", False),
        (r"\xfg", "fg", False),
        ("9007199254740993", "9007199254740992", True),  # as JavaScript rounds it
        ("1234567890123456789", "1234567890123456800", True),
        ("1234567890123456789", "1234567890123457000", False),
        ("123456789012345", "123456789012346", False),
    ],
)
def test_ids_are_the_same_but_for_their_spelling(absent: str, present: str, expected: bool) -> None:
    assert is_respelled({absent}, {present}) == expected
    assert is_respelled({present}, {absent}) == expected


def test_a_list_in_another_spelling_is_blind_and_makes_no_ghost() -> None:
    asked = AskedList("a", "b")
    for _ in range(20):
        verdict = asked.round({"a", "B"})
        assert verdict.ghosts == frozenset()
    assert verdict.blind == (
        "list live: it writes ids in another way than the table, such as in upper case"
    )
    for _ in range(20):
        verdict = asked.round({"a"})
    assert verdict.ghosts == {"b"}
    assert verdict.blind == ""


def test_an_owner_in_another_spelling_is_not_missing() -> None:
    asked = AskedOwners("a", "b", "c")
    for _ in range(20):
        state = asked.ask("a", "b", "C")
    why = "ids are written in another way than in the sessions, such as in upper case"
    assert (state.unknown, state.dead) == (why, frozenset())
