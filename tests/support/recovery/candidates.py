"""All pages of candidates at once."""

from typing import Any

from exporter.postgres import Reader
from exporter.recovery.close.candidates import Candidate, find_candidates
from exporter.recovery.rule.rule import Rule


async def all_candidates(reader: Reader, rule: Rule, **options: Any) -> list[Candidate]:
    """What find_candidates() finds, in one list."""
    return [each async for page in find_candidates(reader, rule, **options) for each in page]
