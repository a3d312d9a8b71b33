"""The names of sources in a config file, whatever state the file is in."""

import os
from pathlib import Path

import pytest

from exporter.cli.completion.sources import MOST_BYTES, source_names

ROOT = Path(__file__).parents[4]


def names_in(text: str, folder: Path) -> list[str]:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return source_names(path)


def test_they_are_those_of_the_example_in_its_order() -> None:
    assert source_names(ROOT / "config.yaml") == [
        *("conversations", "coaching", "transcripts", "training"),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sources:\n  a: {table: t}\n  b:\n    labels: {x: [1, {y: z}]}\n  c:\n", ["a", "b", "c"]),
        ("sources: {a: {}, b: 1}\ndatabases: {sources: {no: 1}}\n", ["a", "b"]),
        ("databases: {sources: {no: 1}}\nsources: {a: {}}\n", ["a"]),
        ("x-of: [sources, {sources: {no: 1}}]\nsources:\n  'a': \n  \"b\":\n", ["a", "b"]),
        ("x: &all {k: v}\nsources:\n  a: *all\n  b: {<<: *all}\n", ["a", "b"]),
        ("? [sources, {a: b}]\n: {no: 1}\nsources: {a: {}}\n", ["a"]),
        ("sources:\n  a:\n  a:\n", ["a"]),
        ("sources:\n  a b:\n  $(x):\n  -c:\n  ok:\n", ["ok"]),
        ("sources:\n  a: ${UNSET}\n  b: {table: t}\n", ["a", "b"]),
        ("sources:\n  a:\n    table: t\n  b:\n   table: [\n", ["a", "b"]),  # being written
        ("sources:\n  - a\n", []),
        ("sources:\n", []),
        ("sources\n", []),
        ("- sources: {a: 1}\n", []),
        ("", []),
        ("\x00", []),
        ("[" * 100_000, []),
        ("sources:\n  a:\n  b: " + "[" * 100_000, ["a", "b"]),
    ],
    ids=range(18),
)
def test_they_are_the_keys_of_the_section_as_far_as_it_can_be_read(
    text: str, names: list[str], tmp_path: Path
) -> None:
    assert names_in(text, tmp_path) == names


def test_a_file_that_is_none_has_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", ".", "pipe", "a\0b", "x" * 5000):
        assert source_names(tmp_path / name) == []


def test_a_file_that_no_config_is_as_large_as_has_none(tmp_path: Path) -> None:
    assert names_in("sources: {a: 1}\n" + "#" * MOST_BYTES, tmp_path) == []


def test_text_in_another_encoding_does_not_fail(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("sources:\n  a: é\n".encode("latin-1"))
    assert source_names(path) in ([], ["a"])
