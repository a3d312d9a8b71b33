"""Whether other roles may create objects that an expression of the config would use."""

from exporter.check.findings import Finding, FindingWriter
from exporter.postgres import Reader
from exporter.recovery.functions.creators import find_creators
from exporter.text import some_of


async def check_search_path(
    reader: Reader, findings: FindingWriter, check: str, *, purpose: str
) -> Finding:
    """One finding about the search path of a role, with its purpose."""
    found = await find_creators(reader)
    if not found:
        return findings.ok(
            check, "only owners may create objects in the schemas of the search path"
        )
    creators = some_of((each.sentence for each in found), between="; ")
    return findings.warning(
        check,
        f"{creators}: an expression of the config that names a "
        "function, operator or type without its schema may use theirs, which would run "
        f"with the rights of {purpose}; ask a DBA to run:",
        *(each.revoke for each in found),
    )
