"""Names of columns are split into words, whatever their spelling."""

import pytest

from exporter.discover.roles.words import singular, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("last_seen_at", "last seen at"),
        ("lastSeenAt", "last seen at"),
        ("LastSeenAt", "last seen at"),
        ("StartDateUTC", "start date utc"),
        ("timestart", "time start"),
        ("acctupdatetime", "acct update time"),
        ("nasipaddress", "nas ip address"),
        ("timeout", "timeout"),
        ("session-start", "session start"),
        ("Größe", "gr e"),
    ],
)
def test_a_name_is_split_into_words(name: str, words: str) -> None:
    assert " ".join(words_of(name)) == words


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("sessions", "session"),
        ("entries", "entry"),
        ("passes", "pass"),
        ("boxes", "box"),
        ("status", "status"),
        ("bus", "bus"),
        ("class", "class"),
    ],
)
def test_a_noun_is_looked_up_in_the_singular(plural: str, one: str) -> None:
    assert singular(plural) == one
