"""All roles and their rights: exact if the database can be read, else from the config alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from exporter import sessions
from exporter.check.rights.unneeded_rights import (
    as_remark,
    passed_on,
    revoke_unless_passed_on,
    unneeded_rights,
)
from exporter.cli.commands.printed_sql.places import Place
from exporter.cli.commands.printed_sql.role_script import Granted, operator_sql, role_sql
from exporter.cli.each_source import for_each_source
from exporter.config import Config, Source
from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.sessions import grants
from exporter.sessions.grants import DEFINER_ROLE, RECOVERY_ROLE, ROLE, Right, unread
from exporter.sessions.grants.evidence import (
    evidence_path_use,
    evidence_rights,
    unread_evidence_grants,
)
from exporter.sessions.grants.path import PathUse, find_path, path_use

_REVOKING = """\
-- What follows takes from these roles all rights on the tables of the audit that it does not grant,
-- and from the first, and from the owner of functions, the rights to read and update other tables
-- that no source needs for recovery. So have all sources of a database in one config. Where there
-- are several configs, replace the names of the roles in what is printed for each of them."""
_NOT_REVOKING = """\
-- Not all sources could be read, so that what follows takes no right on tables of applications."""
_NARROWING = """\
-- All of a table could be read, and single columns are enough."""


class RoleScripts:
    """Prints the script of each role for a config and its real databases."""

    def __init__(self, config: Config, places: Mapping[str, Place]) -> None:
        self._config = config
        self._places = places
        self._sources = list(config.sources.values())
        self._recovered = [each for each in self._sources if each.recovery.is_declared]
        self._is_one_of_several = len({each.label for each in places.values()}) > 1
        #: The rights of each role in a real database, as far as its sources were read.
        self._needed: dict[tuple[str, str], list[Right]] = defaultdict(list)
        #: The objects that are used in a real database.
        self._uses: dict[str, list[PathUse]] = defaultdict(list)

    def print(self) -> bool:
        """Print them all; whether a source failed."""
        failed = self._print_collection()
        return self._print_recovery() or failed

    def _print_collection(self) -> bool:
        granted, failed = for_each_source(self._config, self._sources, self._to_collect)
        if granted:
            if not failed:
                narrowed, failed = for_each_source(self._config, self._sources, self._to_narrow)
                paths, has_failed = for_each_source(self._config, self._sources, self._to_set_path)
                failed = failed or has_failed
                granted = [each for each in (*narrowed, *granted, *paths) if each[2]]
            print(role_sql(ROLE, granted, is_one_of_several=self._is_one_of_several))
        return failed

    def _print_recovery(self) -> bool:
        granted, failed = for_each_source(self._config, self._recovered, self._to_recover)
        revoked = list[Granted]()
        unread_one = failed or any(
            self._places[place].problem for each in self._recovered for place in each.databases
        )
        if not unread_one:  # otherwise rights of sources that were not read would be revoked
            revoked, failed = for_each_source(self._config, self._sources, self._to_revoke)
            revoked = [each for each in revoked if each[2]]
        if revoked or granted:
            about = f"{_REVOKING}\n{_NOT_REVOKING}" if unread_one or failed else _REVOKING
            may = "close the sessions that recovery closes (after: session-exporter sql audit)"
            changed = [*revoked, *granted]
            several = self._is_one_of_several
            printed = role_sql(RECOVERY_ROLE, changed, may=may, is_one_of_several=several)
            print(f"\n{about}\n\n{printed}")
        if granted:
            print(f"\n{operator_sql(granted, is_one_of_several=self._is_one_of_several)}")
        return failed

    async def _to_collect(self, reader: Reader, source: Source, database: str) -> Granted:
        place = self._places[database]
        if place.problem:
            of_evidence = unread_evidence_grants(self._config, source)
            return _in(place, [*unread.collection_grants(source), *of_evidence])
        needed = await grants.collection_rights(reader, source)
        asked = await evidence_rights(reader, self._config, source)
        self._needed[place.label, ROLE] += [*needed, *asked]
        self._uses[place.label].append(await path_use(reader, source))
        self._uses[place.label].append(await evidence_path_use(reader, self._config, source))
        table, _ = await sessions.declared(reader, source)
        owner = await reader.value(fill("roles/owner", oid=str(table.oid)))
        whose = f"-- {table.sql} belongs to {identifier(owner)}, who may grant rights on it."
        commented = " ".join(whose.splitlines())  # a name may hold a line break
        granted = await grants.grants(reader, source)
        granted += [each for each in grants.grants_of(asked, ROLE) if each not in granted]
        return _in(place, [commented, *granted])

    async def _to_narrow(self, reader: Reader, _: Source, database: str) -> Granted:
        """Revoke the right to read all of a source's table, which the config alone asks for."""
        place = self._places[database]
        if place.problem:
            return _in(place, [])
        needed = self._needed[place.label, ROLE]
        by_columns = {(each.schema, each.table) for each in needed if each.columns}
        wider = [
            each
            for each in await unneeded_rights(reader, needed, role=ROLE)
            if not each.columns
            and each.privilege == "SELECT"
            and (each.schema, each.table) in by_columns
        ]
        passed = await passed_on(reader, role=ROLE) if wider else set()
        commands = revoke_unless_passed_on(wider, passed, role=ROLE)
        return _in(place, [_NARROWING, *commands] if commands else [])

    async def _to_set_path(self, reader: Reader, _: Source, database: str) -> Granted:
        place = self._places[database]
        if place.problem:
            return _in(place, [])
        path = await find_path(reader, place.real_name, self._uses[place.label])
        return _in(place, [*grants.grants_of(path.rights, ROLE), path.command])

    async def _to_recover(self, reader: Reader, source: Source, database: str) -> Granted:
        place = self._places[database]
        if place.problem:
            return _in(place, unread.recovery_grants(source))
        rights = await grants.recovery_grants(reader, source, role=RECOVERY_ROLE)
        for role in (RECOVERY_ROLE, DEFINER_ROLE):
            if role == RECOVERY_ROLE or not grants.by_statements(source):
                needed = await grants.recovery_rights(reader, source, role=role)
                self._needed[place.label, role] += needed
        passed = await passed_on(reader, role=RECOVERY_ROLE)
        whole = grants.revoke_audit(RECOVERY_ROLE)
        if any(Right(privilege, schema).is_of_audit for schema, _, privilege in passed):
            rights = [as_remark(each) if each == whole else each for each in rights]
        return _in(place, rights)

    async def _to_revoke(self, reader: Reader, _: Source, database: str) -> Granted:
        place, commands = self._places[database], list[str]()
        if place.problem:
            return _in(place, [])
        for role in (RECOVERY_ROLE, DEFINER_ROLE):
            found = await unneeded_rights(reader, self._needed[place.label, role], role=role)
            passed = await passed_on(reader, role=role) if found else set()
            commands += revoke_unless_passed_on(found, passed, role=role)
        return _in(place, commands)


def _in(place: Place, commands: Iterable[str]) -> Granted:
    return place.label, place.real_name, list(commands)
