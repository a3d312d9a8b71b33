"""Settings of owners and lists that are valid but probably not intended."""

from collections.abc import Iterator

from exporter.config import Config, format_duration
from exporter.config.evidence import HttpSettings, ListSource, OwnerSource


def evidence_remarks(config: Config) -> Iterator[str]:
    """A line for each: the location, the expected value, the actual value, and advice."""
    used_owners = {each.owners_name for each in config.sources.values()}
    used_lists = {each.list for each in config.all_sources.values()}
    for owners in config.owners.values():
        where = f"owners.{owners.name}"
        if owners.name not in used_owners:
            advice = f"write `owner: {{of: COLUMN, in: {owners.name}}}` in one, or remove it"
            yield f"{where}: expected a source that names it, got none; it is not used: {advice}"
        yield from _of_owners(where, owners)
    for listed in config.lists.values():
        where = f"lists.{listed.name}"
        if listed.name not in used_lists:
            advice = f"write `list: {listed.name}` in one, or remove it"
            yield f"{where}: expected a source that names it, got none; it is not used: {advice}"
        yield from _of_list(where, listed)


def _of_owners(where: str, owners: OwnerSource) -> Iterator[str]:
    every, table = owners.every, owners.table
    yield from _of_timeout(where, owners.timeout, every)
    if owners.grace < 2 * every:
        yield (
            f"{where}.grace: expected at least two intervals, {_in(2 * every)}, got "
            f"{_in(owners.grace)}; one answer that lacks an owner hardly proves its death: raise "
            "grace, or shorten every"
        )
    if table is not None and table.seen_at is not None and table.within < every:
        yield (
            f"{where}.table.within: expected at least every, {_in(every)}, got "
            f"{_in(table.within)}; an owner that reports no more often than that looks dead: "
            "write several of the intervals in which owners report"
        )
    if owners.http is not None:
        yield from _of_request(f"{where}.http", owners.http)


def _of_list(where: str, listed: ListSource) -> Iterator[str]:
    every, after = listed.every, listed.ghost_after
    yield from _of_timeout(where, listed.timeout, every)
    if after < 2 * every:
        yield (
            f"{where}.ghost_after: expected at least two intervals, {_in(2 * every)}, got "
            f"{_in(after)}; it takes two answers without a session to make it a ghost: raise "
            "ghost_after, or shorten every"
        )
    if listed.stores == "all" and len(listed.urls) < 2:
        got = "sql" if listed.sql is not None else "one"
        yield (
            f"{where}.stores: expected two urls or more beside all, got {got}; what is alone never "
            "disagrees: write the URL of each store, or stores: any"
        )
    stores: dict[str, str] = {}
    for store, url in listed.urls.items():
        if other := stores.get(url):
            yield (
                f"{where}.urls.{store}: expected a different URL, got that of {other}; they are "
                "one store: remove one of them"
            )
        stores.setdefault(url, store)
    written = listed.model_fields_set & _OF_URLS
    if listed.sql is not None and written:
        yield (
            f"{where}: expected only sql, got {', '.join(sorted(written))} beside it; these are "
            "about urls, and not used: remove them"
        )
    yield from _of_request(f"{where}.request", listed.request)


#: Keys of a list about answers over HTTP.
_OF_URLS = {"request", "items", "id", "started_at", "last_seen_at", "filter", "key"}


def _of_timeout(where: str, timeout: float, every: float) -> Iterator[str]:
    if timeout > every:
        yield (
            f"{where}.timeout: expected at most every, {_in(every)}, got {_in(timeout)}; a late "
            "answer delays the next request: shorten timeout, or raise every"
        )


def _of_request(where: str, request: HttpSettings) -> Iterator[str]:
    if request.body is not None and request.method == "GET":
        yield (
            f"{where}.body: expected method: POST beside it, got GET; most servers ignore the body "
            "of a GET: write method: POST, or remove body"
        )


def _in(seconds: float) -> str:
    return format_duration(seconds)
