"""Function: a printed function, the commands that create it, and its fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from exporter import sessions
from exporter.config import Source
from exporter.postgres.text_settings import TEXT_SETTINGS
from exporter.queries import fill, identifier, literal
from exporter.sessions import grants

#: The beginning of the comment on every printed function.
MARK = "session-exporter:"

#: The properties of every printed function: its language, SECURITY DEFINER, VOLATILE, and a search
#: path that begins with pg_catalog and ends with temporary objects; its owner may choose the
#: schemas in between.
TRAITS = ("plpgsql", True, "v", True)

#: The settings while a function runs, besides search_path and the time zone of the source.
SETTINGS = TEXT_SETTINGS | {
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "row_security": "off",
    "lock_timeout": "250ms",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",  # a generic plan matches no partial index
}


@dataclass(frozen=True, slots=True)
class Signature:
    """The name and the argument types, which identify a function."""

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
    """One function with its definition."""

    declared: str
    """The arguments with names and defaults."""
    returns: str
    body: str
    purpose: str
    source: Source

    @property
    def settings(self) -> dict[str, str]:
        return {"TimeZone": sessions.time_zone(self.source), **SETTINGS}

    @property
    def fingerprint(self) -> str:
        """The digest in its comment."""
        return fingerprint(self, self.body, self.settings, *TRAITS)

    @property
    def comment(self) -> str:
        """The comment that identifies it in the database."""
        source = self.source.name
        printing = f"session-exporter sql function {source}"
        return (
            f"{MARK} {self.purpose}, of source {source}. After a change of its config, print "
            f"it again: {printing} (fingerprint {self.fingerprint})"
        )

    def created(self, path: list[str]) -> str:
        """The commands that create it for RECOVERY_ROLE, with names looked up along `path`."""
        settings = (f"SET {name} = {literal(value)}" for name, value in self.settings.items())
        return fill(
            "recovery/functions/definition",
            signature=self.signature,
            function=self.sql,
            arguments=self.declared,
            returns=self.returns,
            path=", ".join(map(identifier, dict.fromkeys(["pg_catalog", *path, "pg_temp"]))),
            settings="\n".join(settings),
            body=_dollar_quoted(self.body),
            comment=literal(self.comment),
            role=grants.RECOVERY_ROLE,
            definer=grants.DEFINER_ROLE,
        )


def fingerprint(
    signature: Signature, body: str, settings: Mapping[str, str], *traits: str | bool
) -> str:
    """A digest of a definition, the same for a printed function and one in the catalog."""
    text = body.replace("\r\n", "\n").strip()
    parts = [signature.arguments, text, dict(settings), *traits]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _dollar_quoted(body: str) -> str:
    tags = (f"$session_exporter{number or ''}$" for number in count())
    tag = next(tag for tag in tags if tag not in body)
    return f"{tag}\n{body}\n{tag}"
