"""Whether time limits of the role or its database are shorter than those of the config."""

from exporter.check.findings import Finding, FindingWriter
from exporter.config import DatabaseSettings, format_duration
from exporter.postgres import Reader
from exporter.queries import fill

#: The role's statement_timeout applies until the first statements of a transaction replace it, in
#: seconds.
SHORTEST = 0.2


async def check_own_timeouts(
    reader: Reader, findings: FindingWriter, settings: DatabaseSettings
) -> Finding:
    """One finding about statement_timeout and transaction_timeout. Raises SourceError."""
    found = await reader.rows(fill("check/own_timeouts"))
    own = {name: milliseconds / 1000 for name, milliseconds in found}
    said = []
    if own.get("statement_timeout", SHORTEST) < SHORTEST:
        said.append(
            f"statement_timeout is {format_duration(own['statement_timeout'])}: it may end a "
            "transaction before that of the config replaces it"
        )
    if own.get("transaction_timeout", settings.statement_timeout) < settings.statement_timeout:
        said.append(
            f"transaction_timeout is {format_duration(own['transaction_timeout'])}, less than "
            f"statement_timeout of the config, {format_duration(settings.statement_timeout)}: it "
            "ends the connection of a slow query"
        )
    if said:
        advice = "set longer ones for this role: ALTER ROLE … SET"
        return findings.warning(
            "time limits", f"of the role or its database, {'; '.join(said)}; {advice}"
        )
    return findings.ok("time limits", "the role has no shorter time limits than the config")
