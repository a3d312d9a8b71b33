"""Answers to the questions of `init`, by flags or on a terminal."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from exporter.config.source import Source
from exporter.discover.proposal import LeftOut, Line, SourceProposal, Standing, Survey
from exporter.errors import UsageError
from exporter.text import printable, some_of


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered before anything is asked."""

    accepted: frozenset[str] = frozenset()
    omitted: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By source and key."""

    def names(self) -> set[str]:
        return {*self.accepted, *self.omitted, *self.values}


def parse_answers(
    accept: Iterable[str], omit: Iterable[str], assignments: Iterable[str]
) -> Answers:
    """Raises UsageError."""
    values: dict[str, dict[str, Any]] = {}
    known = {each.alias or name for name, each in Source.model_fields.items()} - {"name"}
    for text in assignments:
        path, equals, value = text.partition("=")
        source, dot, key = path.partition(".")
        if not (source and dot and key and equals):
            raise UsageError(f"--set: expected SOURCE.KEY=VALUE, got {text!a}")
        if key not in known:
            raise UsageError(f"--set: {key!a} is no key of a source; `schema` lists them")
        if any(not each.isprintable() and each not in "\n\t" for each in value):
            raise UsageError(f"--set {path}: the value has a control character")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            parsed = value
        # SQL such as  status = 'x'  is text, whatever YAML makes of it.
        structured = isinstance(parsed, bool | dict | list | int)
        values.setdefault(source, {})[key] = parsed if structured else value
    return Answers(frozenset(accept), frozenset(omit), values)


def apply(survey: Survey, answers: Answers) -> None:
    """Change the survey as was answered; raises UsageError for a source that was not found."""
    found = {each.name: each for each in survey.sources}
    if unknown := sorted(answers.names() - found.keys()):
        raise UsageError(
            f"init found no source {printable(unknown[0])}; it found {some_of(found) or 'none'}"
        )
    for name, values in answers.values.items():
        for key, value in values.items():
            _set(found[name], key, value)
    for name in answers.accepted:
        _accept(found[name])
    for name in answers.omitted:
        _omit(survey, found[name])


def ask(survey: Survey, answers: Answers) -> None:
    """Ask about what is doubtful and not answered by a flag; in a pipe nothing is asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    for source in [each for each in survey.sources if not each.is_live]:
        if source.name in answers.names():
            continue
        print(f"\n{printable(source.name)} ({printable(source.table)}):", file=sys.stderr)
        for question in source.questions:
            print(f"  {printable(question.text)}", file=sys.stderr)
        print(
            f"  Declare {printable(source.name)} as proposed? [y]es, [n]o, or later (Enter): ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        answer = sys.stdin.readline().strip().lower()
        if answer in {"y", "yes"}:
            _accept(source)
        elif answer in {"n", "no"}:
            _omit(survey, source)


def _set(source: SourceProposal, key: str, value: Any) -> None:  # noqa: ANN401 - of any key
    line = Line(key, value, "as you answered")
    for place, each in enumerate(source.lines):
        if each.key == key:
            source.lines[place] = line
            return
    source.lines.append(line)


def _accept(source: SourceProposal) -> None:
    source.standing = Standing.LIVE
    source.remarks += [f"Accepted: {each.text}" for each in source.questions]
    source.questions.clear()


def _omit(survey: Survey, source: SourceProposal) -> None:
    survey.sources.remove(source)
    survey.left_out.append(LeftOut(source.table, "as you answered"))
