"""Each test of alerts/*.test.yml with the rules that it needs, and `promtool` to run it.

promtool evaluates all rules of a file at each step, and a test checks few of them: with the rules
that it needs alone, a test takes a tenth of the time.
"""

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.monitoring.programs import program

Rule = dict[str, Any]

ALERTS = Path(__file__).parents[3] / "alerts"
RULES_FILE = "session-exporter.rules.yml"

#: The cost of a test that runs in the fast tier: a tenth of a second.
QUICK = 300.0

#: The environment of a promtool that spends less time on collecting garbage.
QUICK_PROMTOOL = os.environ | {"GOMAXPROCS": "1", "GOGC": "400"}

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def load_yaml(text: str) -> Any:
    """Parse YAML ten times as fast as `yaml.safe_load`: every worker collects every test."""
    return yaml.load(text, yaml.CSafeLoader)


RULES: list[Rule] = [
    rule
    for group in load_yaml((ALERTS / RULES_FILE).read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERT_RULES = [rule for rule in RULES if "alert" in rule]


@dataclass(frozen=True, slots=True, eq=False)
class RuleCase:
    """One test of the rules: its content, and itself as a file.

    `sees` are the rules that it looks at, and `needs` those and the ones that they read.
    """

    name: str
    file: str
    text: str
    content: dict[str, Any]
    sees: frozenset[str]
    needs: frozenset[str]
    steps: float

    @property
    def cost(self) -> float:
        """How many rules are evaluated: ten thousand take a second."""
        return self.steps * len(self.needs)


def name_of(rule: Rule) -> str:
    """The name of an alert or of a recorded series."""
    return str(rule.get("alert") or rule["record"])


def seconds(duration: str) -> int:
    """A Prometheus duration of one unit in seconds."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


@functools.cache
def uses(name: str) -> frozenset[str]:
    """The recorded series that a rule reads, in its expression or for its text, and all theirs."""
    (rule,) = (rule for rule in RULES if name_of(rule) == name)
    direct = recorded_in(f"{rule['expr']} {rule.get('annotations')}") - {name}
    return frozenset(direct.union(*map(uses, direct)))


def recorded_in(text: str) -> set[str]:
    """The recorded series that PromQL or a template names."""
    return set(re.findall(r"sessions:[\w:]+", text))


@functools.cache
def rule_cases() -> tuple[RuleCase, ...]:
    """Every test of the rules, in the order of the files."""
    return tuple(case for file in sorted(ALERTS.glob("*.test.yml")) for case in _cases(file))


@functools.cache
def quick_cases() -> frozenset[RuleCase]:
    """The tests that cost little; for a rule that none of them looks at, the one that costs least.

    The others take most of the time of all: they go on for hours, and look at few rules.
    """
    found = {case for case in rule_cases() if case.cost <= QUICK}
    seen = frozenset[str]().union(*(case.sees for case in found))
    for name in set(map(name_of, RULES)) - seen:
        looking = [case for case in rule_cases() if name in case.sees]
        found |= {min(looking, key=lambda case: case.cost)} if looking else set()
    return frozenset(found)


def run_promtool(tries: Sequence[tuple[str, Iterable[Rule]]], folder: Path) -> tuple[str, set[int]]:
    """Run each test file with its rules in one promtool; its output, and which of them failed."""
    folder.mkdir()
    for number, (text, rules) in enumerate(tries):
        # JSON is YAML, and quickly written.
        groups = [{"name": "rules", "rules": list(rules)}]
        (folder / f"{number}.rules").write_text(json.dumps({"groups": groups}), encoding="utf-8")
        own = text.replace(RULES_FILE, f"{number}.rules")
        (folder / f"{number}.tests").write_text(own, encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "test", "rules", *(f"{n}.tests" for n in range(len(tries)))],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=QUICK_PROMTOOL,
    )
    # What it did not come to would seem to fail.
    assert done.stdout.count("Unit Testing: ") == len(tries), done.stderr
    passed = re.findall(r"^Unit Testing:  (\d+)\.tests\n  SUCCESS$", done.stdout, re.MULTILINE)
    return done.stdout + done.stderr, set(range(len(tries))) - set(map(int, passed))


def only(names: Iterable[str], rules: Iterable[Rule] = RULES) -> list[Rule]:
    """The rules that are named, in the order of the file."""
    wanted = set(names)
    return [rule for rule in rules if name_of(rule) in wanted]


def _cases(file: Path) -> Iterator[RuleCase]:
    text = file.read_text(encoding="utf-8")
    content = load_yaml(text)
    interval = seconds(content["evaluation_interval"])
    # As text, because YAML reads 0x10 as 16, and promtool as ten zeros more.
    head, *parts = re.split(r"^(?=  - name: )", text, flags=re.MULTILINE)
    for part, test in zip(parts, content["tests"], strict=True):
        checks = [*test.get("promql_expr_test", []), *test.get("alert_rule_test", [])]
        sees = frozenset(_seen(str(checks).replace("\\n", " ")))
        needs = sees.union(*map(uses, sees))
        steps = 10 + max(seconds(each["eval_time"]) for each in checks) / interval
        yield RuleCase(
            name=test["name"],
            file=file.name,
            text=head + part,
            content=test,
            sees=sees,
            needs=needs,
            steps=steps,
        )


def _seen(text: str) -> Iterator[str]:
    """The rules whose results the checks of a test look at."""
    every_alert = re.search(r"\bALERTS\b(?!\{[^}]*alertname=)", text)
    patterns = re.findall(r'__name__=~"([^"]+)"', text)
    words = set(re.findall(r"[\w:]+", text))
    for name in map(name_of, RULES):
        is_asked = name in words or any(re.fullmatch(each, name) for each in patterns)
        if is_asked or (every_alert and ":" not in name):
            yield name
