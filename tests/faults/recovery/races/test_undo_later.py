"""Undo after time has passed: the config writes other columns by now, or the table has others."""

from pathlib import Path

import pytest

from exporter.errors import SchemaMismatch
from tests.support.collection.declarations import source_of
from tests.support.recovery.chats import SOURCE, Chats
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios.undos import recovered

WRITES_ENDED_BY = """\
      ended_by: |
        'recovery'
"""


def test_what_a_run_has_written_is_taken_back_whatever_the_config_writes_by_now(
    recoveries: Recoveries, tmp_path: Path
) -> None:
    chats = recoveries.chats
    chats.add(1, 2)
    before = [chats.row(1), chats.row(2)]
    with recoveries.recovery() as recovery:
        run = recovery.finish().run
    writes_less = SOURCE.replace(WRITES_ENDED_BY, "")
    assert writes_less != SOURCE
    with recoveries.on(source_of(tmp_path, writes_less)).undoing(run) as undoing:
        assert undoing.finish() == 2
    assert [chats.row(1), chats.row(2)] == before


@pytest.mark.quick("DROP")
@pytest.mark.parametrize("change", ["DROP COLUMN ended_by", "RENAME COLUMN ended_by TO closed_by"])
def test_what_cannot_be_taken_back_whole_is_not_taken_back(
    recoveries: Recoveries, tmp_path: Path, change: str
) -> None:
    chats, run = recoveries.chats, recovered(recoveries)
    chats.do(f"ALTER TABLE public.chats {change}")
    writes_less = source_of(tmp_path, SOURCE.replace(WRITES_ENDED_BY, ""))
    lost = pytest.raises(SchemaMismatch, match="no longer has the column ended_by")
    with recoveries.on(writes_less).undoing(run) as undoing, lost:
        undoing.finish()
    assert chats.audited == [1, 2]
    assert chats.rows("SELECT id FROM public.chats WHERE is_active") == []


def test_a_session_that_cannot_be_taken_back_keeps_none_of_the_others(
    chats: Chats, recoveries: Recoveries
) -> None:
    run = recovered(recoveries)
    chats.do("""
        CREATE FUNCTION public.divide() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.id = 1 THEN NEW.ended_by := 1 / 0; END IF;
                RETURN NEW;
            END $$""")
    chats.do("""
        CREATE TRIGGER divide BEFORE UPDATE ON public.chats
            FOR EACH ROW EXECUTE FUNCTION public.divide()""")
    with recoveries.undoing_what_can_be(run) as undoing:
        outcome = undoing.finish()
    one = next(row["number"] for row in chats.audit if row["session"] == ["1"])
    assert (outcome.undone, outcome.refused) == (1, {one: "division by zero"})
    assert chats.audited == [1]


def test_a_number_comes_back_with_all_its_digits(
    chats: Chats, recoveries: Recoveries, tmp_path: Path
) -> None:
    chats.do("ALTER TABLE public.chats ADD score float8 NOT NULL DEFAULT 0.1234567890123456789")
    chats.do(f'ALTER DATABASE "{chats.database.name}" SET extra_float_digits = 0')
    raised = SOURCE.replace("    end_at:", "      score: 5\n    end_at:")
    others = recoveries.on(source_of(tmp_path, raised))
    chats.add(1)
    before = chats.row()
    with others.recovery() as recovery:
        run = recovery.finish().run
    with others.undoing(run) as undoing:
        assert undoing.finish() == 1
    assert chats.row() == before
