"""A mark in a jsonb column: whatever is in there survives, and undo brings it back."""

from pathlib import Path

import pytest

from tests.support.collection.declarations import source_of
from tests.support.recovery.chats import SOURCE
from tests.support.recovery.recoveries import Recoveries

MARKED = SOURCE.replace(
    "    set:\n", "    mark: {column: note, merge: {auto_recovered: true}}\n    set:\n"
)


@pytest.mark.quick("None-", "[1]", '{"a": null}')
@pytest.mark.parametrize(
    ("note", "marked"),
    [
        (None, '{"auto_recovered": true}'),
        ("null", "null"),
        ("[1]", "[1]"),
        ("7", "7"),
        ('{"a": null}', '{"a": null, "auto_recovered": true}'),
        ('{"auto_recovered": true}', '{"auto_recovered": true}'),
    ],
)
def test_what_is_in_a_marked_column_survives_recovery_and_comes_back_with_undo(
    recoveries: Recoveries, tmp_path: Path, note: str | None, marked: str
) -> None:
    chats = recoveries.chats
    chats.do("ALTER TABLE public.chats ADD COLUMN note jsonb")
    chats.add(1)
    chats.do("UPDATE public.chats SET note = %s::jsonb", note)
    before = chats.rows("SELECT *, note::text AS text FROM public.chats")
    marking = recoveries.on(source_of(tmp_path, MARKED))
    with marking.recovery() as recovery:
        run = recovery.finish().run
    assert chats.rows("SELECT note::text AS text FROM public.chats") == [{"text": marked}]
    with marking.undoing(run) as undoing:
        assert undoing.finish() == 1
    assert chats.rows("SELECT *, note::text AS text FROM public.chats") == before
