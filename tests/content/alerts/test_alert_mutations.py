"""Changing any number, comparison, duration, range, offset or matcher of the rules fails a test.

So does changing how conditions are joined or replicas are folded. Each change is made alone, and
`promtool test rules` is asked what the change can reach: the rule, those that use it, and the
tests that look at any of these, one by one until one fails. One promtool tries many changes, since
starting it takes longer than most of the tests.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.monitoring.programs import program
from tests.support.monitoring.rule_cases import (
    RULES,
    Rule,
    RuleCase,
    name_of,
    only,
    rule_cases,
    run_promtool,
    seconds,
    uses,
)

SWAPPED = {
    ">": ">=",
    ">=": ">",
    "<": "<=",
    "<=": "<",
    "==": "!=",
    "and": "or",
    "or": "and",
    "unless": "and",
    "max": "min",
    "min": "max",
}

#: What of an expression is changed. Names are matched to be passed over.
TOKEN = re.compile(
    r"""
      (?P<matcher>(?<=[{,])\w+(?:=~|!~|!=|=)"[^"]*")
    | (?: (?<=\[) | (?<=offset\ ) ) (?P<duration>\d+[smhdw])
    | (?P<operator>(?:and|or|unless|max|min)\b|[<>=!]=|[<>])
    | [A-Za-z_:][\w:]*
    | (?P<number>\d+(?:\.\d+)?)
    """,
    re.VERBOSE,
)

#: Changes that change nothing: rule, what is changed, and why nobody could see it.
EQUIVALENT = {
    ("SessionsReplicasDiffer", "count without (hash) ( [max → min]"): "each of them is 1",
    (
        "sessions:database_up",
        "sessions:database_up[10m]) and [max → min]",
    ): "what counts is that there is one",
    (
        "SessionsInconsistent",
        ' (sessions:inconsistent_count{ [kind=~"closed_without_end|seen_after_end" → kind=~".*"]',
    ): "the other kinds are above 0, and reported for that",
    (
        "SessionsReplicaLagging",
        'ssions:collection_errors:last{ [reason="lag" → reason=~".*"]',
    ): "all that is not lag is left out two lines below",
    (
        "sessions:lost_ratio_limit:6h",
        " * sessions:error_budget_ratio [< → <=]",
    ): "both are equal then",
    (
        "sessions:lost_ratio_limit:7d",
        " * sessions:error_budget_ratio [< → <=]",
    ): "both are equal then",
    (
        "sessions:recovered_days:7d",
        'time(sessions_daily_recovered{ [days_ago=~"[2-8]" → days_ago=~".*"]',
    ): "a day that only one side has is compared with nothing",
    (
        "sessions:recovered_days:7d",
        'r_time(sessions_daily_started{ [days_ago=~"[2-8]" → days_ago=~".*"]',
    ): "a day that only one side has is compared with nothing",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one change; `change` shows the place, and what came for what."""

    change: str
    rule: Rule


def _others(kind: str, text: str) -> tuple[str, ...]:
    """What is put in place: a neighbour on each side, or the opposite."""
    if kind == "duration":
        return f"{seconds(text) // 2}s", f"{seconds(text) * 3 // 2}s"
    if kind == "matcher":
        # Its opposite, and none at all: every series that is there has a value, or has none.
        opposite = {"=~": "!~", "!~": "=~", "!=": "=", "=": "!="}
        label, sign, value = re.split(r"(=~|!~|!=|=)", text, maxsplit=1)
        return f"{label}{opposite[sign]}{value}", f'{label}=~".*"'
    if kind == "operator":
        return (SWAPPED[text],)
    if "." in text:
        return f"{float(text) * 0.9:g}", f"{float(text) * 1.1:g}"
    return f"({int(text) - 1})", f"{int(text) + 1}"


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every rule that differs from this one in one place."""
    expression = rule["expr"]
    for token in TOKEN.finditer(expression):
        kind = token.lastgroup
        if kind is None:
            continue
        start, end = token.span(kind)
        before = " ".join(expression[:start].split())[-30:]
        for other in _others(kind, token[kind]):
            changed = expression[:start] + other + expression[end:]
            change = f"{before} [{token[kind]} → {other}]"
            yield Mutant(change, rule | {"expr": changed})
    for other in _others("duration", rule["for"]) if "for" in rule else ():
        yield Mutant(f"for [{rule['for']} → {other}]", rule | {"for": other})


def _fail(tries: Sequence[tuple[RuleCase, Iterable[Rule]]], folder: Path) -> list[bool]:
    """Whether each of these tests fails with these rules; two promtools run half of them each."""
    texts = [(case.text, only(case.needs, rules)) for case, rules in tries]
    middle = (len(texts) + 1) // 2
    halves = [half for half in (texts[:middle], texts[middle:]) if half]
    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            run_promtool, halves, [folder / str(number) for number in range(len(halves))]
        )
        return [
            number in failed
            for half, (_, failed) in zip(halves, found, strict=True)
            for number in range(len(half))
        ]


def _survivors(made: list[Mutant], folder: Path) -> list[Mutant]:
    """Those that no test fails for: each test is asked about all that are left."""
    for number, case in enumerate(_reaching(name_of(made[0].rule)) if made else ()):
        tries = [(case, [_in_place_of(rule, mutant) for rule in RULES]) for mutant in made]
        fails = _fail(tries, folder / str(number))
        made = [mutant for mutant, failed in zip(made, fails, strict=True) if not failed]
        if not made:
            break
    return made


def _in_place_of(rule: Rule, mutant: Mutant) -> Rule:
    return mutant.rule if name_of(rule) == name_of(mutant.rule) else rule


def _reaching(name: str) -> list[RuleCase]:
    """The tests that a rule can make fail, first those that look at it."""
    reached = {each for each in map(name_of, RULES) if each == name or name in uses(each)}
    found = (case for case in rule_cases() if case.sees & reached)
    return sorted(found, key=lambda case: (name not in case.sees, case.cost))


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_every_change_of_a_rule_fails_a_test(rule: Rule, tmp_path: Path) -> None:
    program("promtool")
    survivors = {mutant.change for mutant in _survivors(list(mutants(rule)), tmp_path)}
    assert survivors == {change for name, change in EQUIVALENT if name == name_of(rule)}


@pytest.mark.slow  # test_promtool_finds_no_fault does the same, one file at a time
def test_each_test_holds_with_the_rules_that_it_needs_alone(tmp_path: Path) -> None:
    # If one did not, it would seem to find every change.
    fails = _fail([(case, RULES) for case in rule_cases()], tmp_path / "all")
    assert not [case.name for case, bad in zip(rule_cases(), fails, strict=True) if bad]
