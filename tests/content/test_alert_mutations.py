"""Changing any number, comparison, duration, range, offset or matcher of the rules fails a test.

So does changing how conditions are joined or replicas are folded. Each change is made alone, and
`promtool test rules` is asked what the change can reach: the rule, those that use it, and the
tests that look at any of these, one by one until one fails. One promtool tries many changes, since
starting it takes longer than most of the tests.
"""

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.monitoring.programs import program

Rule = dict[str, Any]

ALERTS = Path(__file__).parents[2] / "alerts"
RULES: list[Rule] = yaml.safe_load(
    (ALERTS / "session-exporter.rules.yml").read_text(encoding="utf-8")
)["groups"][0]["rules"]

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
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
        ' (sessions:inconsistent_count{ [kind="closed_without_end" → kind=~".*"]',
    ): "the other kinds are above 0, and reported for that",
    (
        "SessionsReplicaLagging",
        'ssions:collection_errors:last{ [reason="lag" → reason=~".*"]',
    ): "all that is not lag is left out two lines below",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one change; `change` shows the place, and what came for what."""

    change: str
    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One test of the rules as a file, the rules that it names, looks at and needs for that."""

    name: str
    file: str
    names: frozenset[str]
    sees: frozenset[str]
    needs: frozenset[str]
    cost: float


def _name(rule: Rule) -> str:
    return str(rule.get("alert") or rule["record"])


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * SECONDS[duration[-1]]


def _others(kind: str, text: str) -> tuple[str, ...]:
    """What is put in place: a neighbour on each side, or the opposite."""
    if kind == "duration":
        return f"{_seconds(text) // 2}s", f"{_seconds(text) * 3 // 2}s"
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


@functools.cache
def _uses(name: str) -> frozenset[str]:
    """The recorded series that a rule reads, in its expression or for its text, and all theirs."""
    (rule,) = (rule for rule in RULES if _name(rule) == name)
    read = re.findall(r"sessions:[\w:]+", rule["expr"] + str(rule.get("annotations")))
    direct = set(read) - {name}
    return frozenset(direct.union(*map(_uses, direct)))


def _seen(text: str) -> Iterator[str]:
    """The rules whose results the checks of a test look at."""
    every_alert = re.search(r"\bALERTS\b(?!\{[^}]*alertname=)", text)
    patterns = re.findall(r'__name__=~"([^"]+)"', text)
    words = set(re.findall(r"[\w:]+", text))
    for name in map(_name, RULES):
        is_asked = name in words or any(re.fullmatch(each, name) for each in patterns)
        if is_asked or (every_alert and ":" not in name):
            yield name


@functools.cache
def cases() -> tuple[Case, ...]:
    """Every test of the rules, the quickest first."""
    found = []
    for file in ALERTS.glob("*.test.yml"):
        # As text, because YAML reads 0x10 as 16, and promtool as ten zeros more.
        head, *tests = re.split(
            r"^(?=  - name: )", file.read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        for test in tests:
            content = yaml.safe_load(head + test)
            checks = _checks(content["tests"][0])
            text = yaml.safe_dump(checks, width=10_000)
            sees = frozenset(_seen(text))
            needs = sees.union(*map(_uses, sees))
            last = max(_seconds(each["eval_time"]) for each in checks)
            steps = 10 + last / _seconds(content["evaluation_interval"])
            found.append(
                Case(
                    name=content["tests"][0]["name"],
                    file=head + test,
                    names=sees.intersection(re.findall(r"[\w:]+", text)),
                    sees=sees,
                    needs=needs,
                    cost=steps * len(needs),
                )
            )
    return tuple(sorted(found, key=lambda case: case.cost))


def _checks(test: dict[str, Any]) -> list[dict[str, Any]]:
    return [*test.get("promql_expr_test", []), *test.get("alert_rule_test", [])]


def _fail(tries: Sequence[tuple[Case, Iterable[Rule]]], folder: Path) -> list[bool]:
    """Whether each of these tests fails with these rules; one promtool runs them all."""
    folder.mkdir()
    for number, (case, rules) in enumerate(tries):
        groups = [{"name": "rules", "rules": [each for each in rules if _name(each) in case.needs]}]
        # JSON is YAML, and quickly written.
        (folder / f"{number}.rules").write_text(json.dumps({"groups": groups}), encoding="utf-8")
        text = case.file.replace("session-exporter.rules.yml", f"{number}.rules")
        (folder / f"{number}.tests").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "test", "rules", *(f"{n}.tests" for n in range(len(tries)))],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GOMAXPROCS": "1", "GOGC": "400"},
    )
    # What it did not come to would seem to fail.
    assert done.stdout.count("Unit Testing: ") == len(tries), done.stderr
    passed = re.findall(r"^Unit Testing:  (\d+)\.tests\n  SUCCESS$", done.stdout, re.MULTILINE)
    return [str(number) not in passed for number in range(len(tries))]


def _fail_in_two(tries: Sequence[tuple[Case, Iterable[Rule]]], folder: Path) -> list[bool]:
    """The same in two processes at a time."""
    middle = (len(tries) + 1) // 2
    halves = [half for half in (tries[:middle], tries[middle:]) if half]
    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(_fail, halves, [folder / str(number) for number in range(len(halves))])
        return [fails for half in found for fails in half]


def _survivors(made: list[Mutant], folder: Path) -> list[Mutant]:
    """Those that no test fails for: each test is asked about all that are left."""
    for number, case in enumerate(_reaching(_name(made[0].rule)) if made else ()):
        tries = [(case, [_in_place_of(rule, mutant) for rule in RULES]) for mutant in made]
        fails = _fail_in_two(tries, folder / str(number))
        made = [mutant for mutant, failed in zip(made, fails, strict=True) if not failed]
        if not made:
            break
    return made


def _in_place_of(rule: Rule, mutant: Mutant) -> Rule:
    return mutant.rule if _name(rule) == _name(mutant.rule) else rule


def _reaching(name: str) -> list[Case]:
    """The tests that a rule can make fail, those first that look at the rule itself."""
    reached = {each for each in map(_name, RULES) if each == name or name in _uses(each)}
    found = (case for case in cases() if case.sees & reached)
    return sorted(found, key=lambda case: name not in case.sees)


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_every_change_of_a_rule_fails_a_test(rule: Rule, tmp_path: Path) -> None:
    program("promtool")
    survivors = {mutant.change for mutant in _survivors(list(mutants(rule)), tmp_path)}
    assert survivors == {change for name, change in EQUIVALENT if name == _name(rule)}


def test_each_test_holds_with_the_rules_that_it_needs_alone(tmp_path: Path) -> None:
    # If one did not, it would seem to find every change.
    fails = _fail_in_two([(case, RULES) for case in cases()], tmp_path / "all")
    assert not [case.name for case, bad in zip(cases(), fails, strict=True) if bad]
