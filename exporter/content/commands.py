"""Commands in runbooks and alerts, and their prefix, which runs them in a container for example."""

import re

#: The beginning of a command in a runbook: on its own line, or as code in a sentence.
_IN_RUNBOOK = re.compile(r"(^\s*(?:\$ )?|`)(?=(?:env \S+ )?session-exporter [a-z])", re.MULTILINE)

#: The beginning of a command in the text of an alert: it follows its purpose, and ends its line. A
#: command for a person's own connection does not run beside the exporter.
_IN_ALERT = re.compile(r"(?<=: )(?<!over your own connection: )(?=session-exporter [a-z])")


def prefix_in_runbook(text: str, prefix: str) -> str:
    """The text of a runbook with `prefix` before each command; an empty one changes nothing."""
    return _IN_RUNBOOK.sub(lambda found: f"{found[1]}{prefix} ", text) if prefix else text


def prefix_in_rules(rules: str, prefix: str) -> str:
    """The rules with `prefix` before each command in the text of an alert."""
    return _IN_ALERT.sub(lambda _: f"{prefix} ", rules) if prefix else rules
