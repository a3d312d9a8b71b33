"""Every config key is on a page of the configuration and in config.yaml, and the reverse."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exporter.config import (
    Audit,
    DailySettings,
    DatabaseSettings,
    KeyLimit,
    Label,
    ListedSource,
    Mark,
    RecoverySettings,
    RowThreshold,
    Source,
    TimeColumn,
    Webhook,
    load_config,
)
from exporter.config.build import ConfigFile
from exporter.config.evidence import (
    HeaderFile,
    HttpSettings,
    KubernetesPods,
    ListSource,
    Ownership,
    OwnerSource,
    OwnersOverHttp,
    OwnerTable,
    TimePath,
)
from exporter.config.fields.model import Model
from exporter.config.schema import descriptions
from exporter.errors import ConfigError
from tests.support.documents import CONFIGURATION, blocks

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config.yaml").read_text(encoding="utf-8")

# Heading -> the model whose keys the tables below it are about, on one page or several.
MODELS: dict[str, type[Model]] = {
    "## databases": DatabaseSettings,
    "## owners": OwnerSource,
    "### table": OwnerTable,
    "### http": OwnersOverHttp,
    "### kubernetes": KubernetesPods,
    "## lists": ListSource,
    "### request": HttpSettings,
    "### Headers": HeaderFile,
    "### Times in a list": TimePath,
    "## sources": Source,
    "### owner": Ownership,
    "### A source without a table": ListedSource,
    "### Points in time": TimeColumn,
    "### A threshold of each row": RowThreshold,
    "### labels": Label,
    "### limit_per": KeyLimit,
    "### daily": DailySettings,
    "### recovery": RecoverySettings,
    "### mark": Mark,
    "### webhook": Webhook,
    "### audit": Audit,
}


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Key -> field, as a file writes it."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {key: field for key, field in fields.items() if key != "name"}


def rows_of(page: str, heading: str) -> dict[str, tuple[str, str]]:
    """Key -> (default, meaning), from the table below a heading of a page, if it has that."""
    _, is_there, rest = CONFIGURATION[page].partition(f"\n{heading}\n")
    section = re.split(r"\n(?=#)", rest, maxsplit=1)[0] if is_there else ""
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (.+) \|$", section, re.MULTILINE)
    return {key: (default.replace("`", ""), meaning) for key, _, default, meaning in found}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """The same of all pages."""
    return {key: row for page in CONFIGURATION for key, row in rows_of(page, heading).items()}


@pytest.mark.parametrize("heading", MODELS)
def test_a_key_is_on_one_page(heading: str) -> None:
    on_pages = [key for page in CONFIGURATION for key in rows_of(page, heading)]
    assert sorted(on_pages) == sorted(set(on_pages))


def test_a_new_user_sees_few_keys_first_and_every_one_that_is_required() -> None:
    start = {heading: set(rows_of("start", heading)) for heading in ("## databases", "## sources")}
    assert start["## databases"] == {"dsn"}
    assert start["## sources"] == {
        *("table", "active", "started_at", "orphaned_after", "id"),
        *("last_seen_at", "ended_at", "alert_above", "timestamps_in"),
    }
    assert {each for each, field in keys(Source).items() if field.is_required()} <= start[
        "## sources"
    ] | {"database"}


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_is_documented_and_every_documented_key_exists(heading: str) -> None:
    assert sorted(rows(heading)) == sorted(keys(MODELS[heading]))


@pytest.mark.parametrize("heading", MODELS)
def test_the_documented_meaning_begins_with_the_description_in_the_code(heading: str) -> None:
    documented = {key: meaning.replace("`", "") for key, (_, meaning) in rows(heading).items()}
    described = {
        key: descriptions(MODELS[heading]).get(key, "nothing").replace("`", "")
        for key in keys(MODELS[heading])
    }
    assert documented == {
        key: documented[key] if documented[key].startswith(description) else description
        for key, description in described.items()
    }


@pytest.mark.parametrize("heading", MODELS)
def test_the_documented_defaults_are_those_in_the_code(heading: str) -> None:
    for key, field in keys(MODELS[heading]).items():
        yaml_of = {"None": "null", "()": "[]", "False": "false"}
        written = yaml_of.get(str(field.default), str(field.default))
        default = "required" if field.is_required() else written
        assert rows(heading)[key][0] == ("the only one" if key == "database" else default), key


def test_every_key_is_in_the_example() -> None:
    for model in MODELS.values():
        for key in keys(model):
            assert re.search(rf"^\s*(# )?.*\b{key}:", EXAMPLE, re.MULTILINE), key


def test_the_example_names_no_key_that_does_not_exist() -> None:
    """Those in comments, that is: the others are checked when it is loaded."""
    known = {key for model in MODELS.values() for key in keys(model)}
    known |= set(keys(ConfigFile))
    commented = re.findall(r"^\s*# (\w+): ", EXAMPLE, re.MULTILINE)
    assert "password_file" in commented
    assert set(commented) <= known


@pytest.mark.parametrize("left_out", ["call", "owner|list"])  # which do not go together
def test_what_the_example_leaves_commented_out_can_be_used(tmp_path: Path, left_out: str) -> None:
    commented = rf"^(\s*)# ((?!(?:{left_out}):)\w+: )"
    keys_only = re.sub(commented, r"\1\2", EXAMPLE, flags=re.MULTILINE)
    (tmp_path / "config.yaml").write_text(keys_only)
    for secret in ("app.password", "webhook.secret"):
        (tmp_path / secret).touch()
    environ = {"DATABASE_URL": "", "RECOVERY_DATABASE_URL": ""}
    config = load_config(tmp_path / "config.yaml", environ)
    assert config.sources["conversations"].where is not None
    assert config.sources["coaching"].recovery.webhook is not None


def yaml_blocks() -> list[str]:
    return [block for page in CONFIGURATION.values() for block in blocks(page, "yaml")]


def test_the_first_example_of_the_document_is_a_whole_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml_blocks()[0])
    config = load_config(tmp_path / "config.yaml", {"DATABASE_URL": ""})
    assert config.sources["conversations"].orphaned_after == 7200


def test_the_expressions_for_timestamps_inside_json_survive_yaml(tmp_path: Path) -> None:
    blocks = [block for block in yaml_blocks() if block.startswith("last_seen_at: |")]
    assert len(blocks) == 2
    for block in blocks:
        indented = block.replace("\n", "\n    ")
        (tmp_path / "config.yaml").write_text(f"{yaml_blocks()[0]}    {indented}\n")
        config = load_config(tmp_path / "config.yaml", {"DATABASE_URL": ""})
        last_seen_at = config.sources["conversations"].last_seen_at
        assert last_seen_at is not None
        assert last_seen_at.sql.startswith("CASE WHEN")
        assert last_seen_at.sql.endswith("END")


def test_the_error_in_the_document_is_what_is_really_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(yaml_blocks()[0].replace("2h", "2"))
    with pytest.raises(ConfigError) as error:
        load_config(Path("config.yaml"), {"DATABASE_URL": ""})
    assert f"\n{error.value}\n" in CONFIGURATION["start"]
