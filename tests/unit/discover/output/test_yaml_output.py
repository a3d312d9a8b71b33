"""The file that is written: loaded by the config's own loader, with every reason and no secret."""

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.discover.output.yaml_output import as_yaml
from exporter.discover.proposal import LeftOut, SourceProposal, Survey
from tests.support.corpus.tables import SERVER, partial, sample, source, table, times

COLUMNS = "id int8!, started_at timestamptz!, ended_at timestamptz"
STARTS, ENDS = times(150, 5)


def written(*sources: SourceProposal) -> str:
    left_out = [LeftOut("public.a", "line\nbreak: {x}")]
    return as_yaml(Survey(SERVER, 3, list(sources), left_out), variable="DATABASE_URL")


def live(name: str, columns: str = COLUMNS) -> SourceProposal:
    found = source(table(name, columns), sample(started_at=STARTS, ended_at=ENDS))
    assert found.is_live
    found.name = "visits"
    return found


@pytest.mark.parametrize(
    "name", ["visits", "Visits", "my visits", 'a"b', "select", "on", "ünï", "a:b # c"]
)
def test_any_name_of_a_table_can_be_loaded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(written(live(name)), encoding="utf-8")
    config = load_config(path, {"DATABASE_URL": "host=x"})
    assert config.sources["visits"].table.name == name
    assert config.databases["app"].dsn == "host=x"


def test_a_question_is_commented_out_with_all_of_its_lines(tmp_path: Path) -> None:
    index = partial("user_id", where="(ended_at IS NULL)")
    given = table("visits", f"{COLUMNS}, user_id int8", indexes=[index])
    text = written(source(given, sample()))
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path, {"DATABASE_URL": "host=x"}).sources == {}
    assert "# QUESTION (table): are these sessions?" in text
    assert "  #   started_at: started_at" in text


def test_recovery_is_never_one_word_from_auto() -> None:
    text = written(live("visits"))
    assert '  #     ended_at: "{end}"' in text
    assert not any(line.strip().startswith("recovery") for line in text.splitlines())


def test_what_was_left_out_is_a_line_each() -> None:
    assert "# public.a: line" in written(live("visits"))


def test_a_question_becomes_a_source_when_its_marks_are_removed(tmp_path: Path) -> None:
    index = partial("user_id", where="(ended_at IS NULL)")
    found = source(table("visits", f"{COLUMNS}, user_id int8", indexes=[index]), sample())
    lines = written(found).replace("sources: {}", "sources:").splitlines()
    begin = lines.index("  # source:")
    answered = [
        f"  {each[4:]}" if n >= begin and each.startswith("  #") else each
        for n, each in enumerate(lines)
    ]
    path = tmp_path / "config.yaml"
    path.write_text("\n".join(answered), encoding="utf-8")
    assert (
        load_config(path, {"DATABASE_URL": "host=x"}).sources["source"].active == "ended_at IS NULL"
    )


def test_a_standby_and_a_pooler_are_named_at_the_top() -> None:
    server = replace(SERVER, is_standby=True, is_pooled=True)
    text = as_yaml(Survey(server, 3, [live("visits")], []), variable="DATABASE_URL")
    head = text.partition("databases:")[0]
    assert "# The server is a standby" in head
    assert "# The connection goes through a pooler" in head
    assert "standby" not in written(live("visits"))
