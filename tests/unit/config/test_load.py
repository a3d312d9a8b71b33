"""Whatever is in the file, the answer is a config or a sentence."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config import Config, load_config
from exporter.errors import ConfigError

EXAMPLE = Path(__file__).parents[3].joinpath("config.yaml").read_text(encoding="utf-8")

# Pieces that bring random text near to what a config file looks like.
PIECES = st.sampled_from([
    *"{}[]:,-?&*!|>'\"%@`#=~\n\t \\$",
    *("databases:", "sources:", "defaults:", "\n  app: ", "\n    dsn: ", "\n    table: ", "<<: "),
    *("\n    every: ", "\n    labels: ", "\n    show: ", "\n    daily: ", "\n    started_at: "),
    *("&a ", "*a", "!!int ", "!!binary ", "!!set ", "!!timestamp ", "---\n", "...\n", "${A}", "${"),
    *("1:30", "0x", "1e400", "2024-02-30", "null", "off", "\ud800", "\x85", "\u2028", "\ufeff"),
])  # fmt: skip
SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
#: Of each way to make a file.
FEW = settings(SETTINGS, max_examples=60)
MANY = settings(SETTINGS, max_examples=900)


@pytest.fixture
def answer(tmp_path: Path) -> Callable[[bytes], None]:
    path = tmp_path / "config.yaml"

    def answer(content: bytes) -> None:
        path.write_bytes(content)
        with contextlib.suppress(ConfigError):
            assert isinstance(load_config(path, {"A": "a", "DATABASE_URL": ""}), Config)

    return answer


BYTES = st.binary(max_size=200)
MADE_OF_PIECES = st.lists(PIECES | st.text(max_size=5), max_size=30).map(
    lambda pieces: "".join(pieces).encode(errors="surrogatepass")
)


@st.composite
def changed_examples(draw: st.DrawFn) -> bytes:
    """The example with a piece of it replaced."""
    start = draw(st.integers(0, len(EXAMPLE)))
    length = draw(st.integers(0, 20))
    piece = draw(PIECES | st.text(max_size=5))
    return (EXAMPLE[:start] + piece + EXAMPLE[start + length :]).encode(errors="surrogatepass")


@FEW
@given(BYTES)
def test_bytes(answer: Callable[[bytes], None], content: bytes) -> None:
    answer(content)


@FEW
@given(MADE_OF_PIECES)
def test_pieces_of_yaml(answer: Callable[[bytes], None], content: bytes) -> None:
    answer(content)


@FEW
@given(changed_examples())
def test_the_example_with_a_piece_changed(answer: Callable[[bytes], None], content: bytes) -> None:
    answer(content)


@pytest.mark.slow
@MANY
@given(BYTES | MADE_OF_PIECES | changed_examples())
def test_many_more_of_each(answer: Callable[[bytes], None], content: bytes) -> None:
    answer(content)


def test_a_file_may_declare_no_source_on_purpose(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("databases: {app: {dsn: ''}}\nsources: {}\n", encoding="utf-8")
    config = load_config(path)
    assert (config.sources, list(config.databases)) == ({}, ["app"])
