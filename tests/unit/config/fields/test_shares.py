"""Shares: whole percent in plain digits."""

from collections.abc import Callable

import pytest

from exporter.config.fields.model import Model
from exporter.config.fields.numbers import Share


class Shared(Model):
    share: Share


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), (" 20 % ", 0.2), ("100%", 1.0)])
def test_a_share_is_whole_percent(text: str, share: float) -> None:
    assert Shared.model_validate({"share": text}).share == share


@pytest.mark.parametrize(
    "text",
    ["0%", "101%", "1_0%", "\u0662\u0660%", "+5%", "1e1%", "nan%", "20", "%", "9" * 5000 + "%"],
)
def test_a_number_that_only_python_reads_is_no_share(
    problems_of_source: Callable[..., str], text: str
) -> None:
    said = problems_of_source(f"id: c\nlast_seen_at: d\nrecovery: {{max_share: '{text}'}}")
    assert "max_share: expected a share such as 20%" in said
