"""What libyaml composes is what PyYAML's own parser would have; so are all errors."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.config.file import yaml_composer, yaml_reader
from exporter.config.file.document import Document, Text
from exporter.config.file.yaml_composer import TooLargeError

EXAMPLE = Path(__file__).parents[4] / "config.yaml"

#: Parts of YAML texts that are rare in themselves, and meet here.
PARTS = (
    *("a", "key", "1", "010", "1:30", "true", "null", "~", "=", ".", "é", "💥", "${A}", "s != 'x'"),
    *(":", ": ", "- ", "-", "? ", "#", " #", " ", "  ", "    ", "\n", "\n  ", "\n- ", "\nk: "),
    *("{", "}", "[", "]", ",", ", ", "&a ", "*a ", "<<: ", "!", "!!str ", "!!int ", "!x ", "!="),
    *("|", "|\n", ">-\n", "|2\n", "|+\n", '"', "'", "\\", "\\n", "\\x41", "\\\n", "%", "@", "`"),
    *("%YAML 1.1\n", "%YAML 1.2\n", "%TAG ! x:\n", "---", "\n---\n", "...", "\n...\n", "k" * 1030),
    *("\r", "\r\n", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffe", "\t", "\0", "\x1b", "\xa0"),
)


def read(text: str) -> tuple[object, ...]:
    """Everything that the rest of the program learns of a text."""
    try:
        document = yaml_reader.parse(text, {})
    except (yaml.YAMLError, TooLargeError) as error:
        return type(error), str(error)
    return document, comments(document)


def comments(document: Document) -> object:
    def of(value: Any) -> object:
        if isinstance(value, dict):
            return [of(each) for each in value.values()]
        if isinstance(value, list):
            return [of(each) for each in value]
        return value.comment if isinstance(value, Text) else type(value)

    return of(document.data)


def assert_is_read_alike(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        expected = read(text)
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: 1\nb: [x, {c: d}] # e\n",
            "a: |\n  x = 1 # no comment\n\nb: 'q'\n",
            "",
            "\n",
            "# a\n",
        ),
        *(
            "é💥: ü # ö\n",
            "a: 1\r\nb:\r\n  - c # d\r\n",
            "a: s != 'x' # y\n",
            "%YAML 1.2\n---\na: 1\n",
        ),
        *("a: 1\na: 2\n", "x: &a {b: 1}\ny: {<<: *a}\n", "x: &a [*a]\n", "x: *b\n", "? a\n: b\n"),
        # The end of a text without a line break.
        *("a:", "a: ", "? a", "- ", "a: |\n  b", "a:\n  ", "{? \n  }\n  ", "a: b"),
        *("a: [b?, c]\n", "{? \n  : b}\n", "a: {b\n  ? c}\n", "a: ['a # b', c?]\n"),
        *("a: [b, #c\r c?]\n", "a: [b\xa0# c?]\n", "a: [b, #c\x85 c?]\n", "a: [b#c?]\n"),
        # Tabs, rare line breaks, byte order marks, tags, comments at blocks.
        *(
            "a:\tb\n",
            "a: b\t# c\n",
            "a: |\n  b\tc\n",
            "a:\n\tb: c\n",
            "a\x85b: c\n",
            "a: b\u2028 c\n",
        ),
        *(
            "\ufeffa: b\n",
            "a: 1\n\ufeffb: 2\n",
            "a: !\n",
            "a: !!str 1\n",
            "a: !=!= x\n",
            "a: !x y\n",
        ),
        *("a: |#\n  b\n", "a: >2-# c\n  b\n"),
        # Errors, of which each has its own words.
        *(
            "a: b: c\n",
            "a: [1, 2\n",
            "a: 'b\n",
            'a: "\\q"\n',
            "a: @b\n",
            "a: `b`\n",
            "a: %b\n",
            "]\n",
        ),
        *(
            "a: 1\n  b: 2\n",
            "a: {b: c\nd: e\n",
            "--- a\n--- b\n",
            "%YAML 2.0\n--- a\n",
            "%YAML 1.1\n",
        ),
        *(
            "a: \0\n",
            "a: \x1b\n",
            "a: \x7f\n",
            "a: \ufffe\n",
            f"{'k' * 1030}: v\n",
            "a: *\n",
            "& a\n",
        ),
        # An error behind what is too large.
        *(f"{'[' * 60}\n", f"{'[' * 60}{' ' * 50_000}\0\n", f"a: {'- ' * 60}\n"),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a_text_is_read_alike_by_both_parsers(text: str) -> None:
    assert_is_read_alike(text)


TEXTS = st.builds(
    lambda parts, end: "".join(parts) + end,
    st.lists(st.sampled_from(PARTS), max_size=14),
    st.sampled_from(["", "\n"]),
)


@settings(max_examples=50)
@given(TEXTS)
@example("a: !=!=\n")
def test_any_text_is_read_alike_by_both_parsers(text: str) -> None:
    assert_is_read_alike(text)


@pytest.mark.slow
@settings(max_examples=2000)
@given(TEXTS)
def test_many_more_texts_are_read_alike_by_both_parsers(text: str) -> None:
    assert_is_read_alike(text)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML is built without libyaml")
def test_a_config_file_is_read_by_libyaml_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "SafeLoader")
    assert yaml_composer.compose(EXAMPLE.read_text(encoding="utf-8")) is not None


@pytest.mark.quick("{a: ", "- ", "? ")
@pytest.mark.parametrize("opening", ["[", "{a: ", "[{", "- ", "? "])
def test_a_hundred_thousand_levels_are_refused(opening: str) -> None:
    with pytest.raises(TooLargeError):
        yaml_composer.compose(opening * 100_000 + "\n")
