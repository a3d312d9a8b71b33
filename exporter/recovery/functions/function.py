"""Function: one that is printed, how it is created, and by which fingerprint it is recognised."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from exporter.queries import fill, identifier, literal

#: With what the comment on every printed function begins.
MARK = "session-exporter:"

#: Of every printed function: its language, that it runs as its owner (SECURITY DEFINER) and is
#: VOLATILE, and that temporary objects come last in the search path, which its owner may choose.
TRAITS = ("plpgsql", True, "v", True)


@dataclass(frozen=True, slots=True)
class Signature:
    """What identifies a function."""

    schema: str
    name: str
    arguments: str
    """Their types, as PostgreSQL writes them."""

    @property
    def sql(self) -> str:
        return identifier(self.schema, self.name)

    @property
    def signature(self) -> str:
        """The name with the arguments, for GRANT and the like."""
        return f"{self.sql}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Function(Signature):
    """One function as it is created."""

    declared: str
    """The arguments with names and defaults."""
    returns: str
    settings: Mapping[str, str]
    """What is set while it runs, besides search_path."""
    body: str
    purpose: str
    source: str

    @property
    def fingerprint(self) -> str:
        """The digest that its comment holds."""
        return fingerprint(self, self.body, self.settings, *TRAITS)

    @property
    def comment(self) -> str:
        """The comment by which it is recognised in the database."""
        printing = f"session-exporter sql function {self.source}"
        return (
            f"{MARK} {self.purpose}, of source {self.source}. After a change of its config, print "
            f"it again: {printing} (fingerprint {self.fingerprint})"
        )

    def created(self, path: list[str]) -> str:
        """The commands that create it, to look unqualified names up along `path`."""
        settings = (f"SET {name} = {literal(value)}" for name, value in self.settings.items())
        return fill(
            "recovery/functions/definition",
            signature=self.signature,
            function=self.sql,
            arguments=self.declared,
            returns=self.returns,
            path=", ".join(map(identifier, dict.fromkeys([*path, "pg_temp"]))),
            settings="\n".join(settings),
            body=_dollar_quoted(self.body),
        )


def fingerprint(
    signature: Signature, body: str, settings: Mapping[str, str], *traits: str | bool
) -> str:
    """A digest of what a function does, the same for one that is printed and one in the catalog."""
    text = body.replace("\r\n", "\n").strip()
    parts = [signature.arguments, text, dict(settings), *traits]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _dollar_quoted(body: str) -> str:
    tags = (f"$session_exporter{number or ''}$" for number in count())
    tag = next(tag for tag in tags if tag not in body)
    return f"{tag}\n{body}\n{tag}"
