"""Evidence: all owners and lists of one config, their answers, and what these prove."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeVar

from exporter.clock import Clock
from exporter.config import Config, Source
from exporter.config.evidence import ListSource, OwnerSource
from exporter.evidence.answers import ListAnswer, ListedSession, OwnersAnswer, Unknown
from exporter.evidence.judgement.comparison import Comparison
from exporter.evidence.judgement.lists import ListHistory, ListState
from exporter.evidence.judgement.owners import HeldSessions, OwnerHistory, OwnersState
from exporter.evidence.judgement.source import ComparedRows, SourceEvidence
from exporter.sessions.verdict import NO_EVIDENCE, Verdict


class AskedKey(NamedTuple):
    """Owners or a list by name, and the database to query; "" for an application."""

    name: str
    database: str


Pair = tuple[str, str]
"""A database and a source."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class EvidencePast:
    """The evidence of the previous config, as far as it is still valid."""

    owners: Mapping[AskedKey, OwnerHistory] = field(default_factory=dict)
    lists: Mapping[AskedKey, ListHistory] = field(default_factory=dict)
    answered: Mapping[AskedKey, str] = field(default_factory=dict)
    failures: Mapping[AskedKey, str] = field(default_factory=dict)
    held: Mapping[Pair, Mapping[str, HeldSessions]] = field(default_factory=dict)
    sources: Mapping[Pair, SourceEvidence] = field(default_factory=dict)
    compared: Mapping[Pair, Comparison] = field(default_factory=dict)


NOTHING_KNOWN = EvidencePast()


class Evidence:
    """The evidence of the owners and lists that the sources of a config name."""

    def __init__(self, config: Config, clock: Clock, past: EvidencePast = NOTHING_KNOWN) -> None:
        """Continue with the evidence of the `past`."""
        self._clock = clock
        self._past = past
        self._answered: dict[AskedKey, str] = {}
        """Why the last answer could not be used; empty where it could. Nothing before the first."""
        self.failures: dict[AskedKey, str] = {}
        """Why the last answer itself could not be used; empty where it could."""
        self._held: dict[Pair, Mapping[str, HeldSessions]] = {}
        self.owners: dict[AskedKey, OwnerHistory] = {}
        self.lists: dict[AskedKey, ListHistory] = {}
        self._users: dict[AskedKey, list[Pair]] = {}
        self._sources: dict[Pair, SourceEvidence] = {}
        self._compared: dict[Pair, Comparison] = {}
        self._lists_of: dict[Pair, ListHistory] = {}
        self._without_table = set[Pair]()
        self.changes = 0
        """Grows with every answer and every comparison."""
        for source in config.sources.values():
            if source.has_evidence:
                for database in source.databases:
                    self._add(config, source, database)
        for listed in config.listed.values():
            for database in listed.databases:
                pair = database, listed.name
                self._add_source(pair, None, self._add_list(listed.of, pair))
                self._without_table.add(pair)
        self.take_answers(past)
        self._past = NOTHING_KNOWN

    def take_answers(self, past: EvidencePast) -> None:
        """Go on from the answers and collections of another store, of what is in both."""
        known = self.owners.keys() | self.lists.keys()
        self._answered |= _only(past.answered, known)
        self.failures |= _only(past.failures, known)
        self._held |= _only(past.held, self._sources.keys())
        for pair, before in past.compared.items():
            if pair in self._compared:
                self._compared[pair].at = before.at

    def _add(self, config: Config, source: Source, database: str) -> None:
        pair = database, source.name
        owners = sessions = None
        if source.owners_name is not None:
            owner_source = config.owners[source.owners_name]
            key = AskedKey(owner_source.name, database if reads_database(owner_source) else "")
            known = self._past.owners.get(key) or OwnerHistory(owner_source)
            owners = self.owners.setdefault(key, known)
            owners.adjust(owner_source)
            self._users.setdefault(key, []).append(pair)
        if source.list is not None:
            sessions = self._add_list(config.lists[source.list], pair)
        self._add_source(pair, owners, sessions)
        self._compared[pair] = Comparison(
            source.every, config.databases[database].statement_timeout
        )

    def _add_source(
        self, pair: Pair, owners: OwnerHistory | None, sessions: ListHistory | None
    ) -> None:
        self._sources[pair] = self._past.sources.get(pair) or SourceEvidence(owners, sessions)

    def _add_list(self, settings: ListSource, pair: Pair) -> ListHistory:
        key = AskedKey(settings.name, pair[0] if reads_database(settings) else "")
        self._users.setdefault(key, []).append(pair)
        known = self._past.lists.get(key) or ListHistory(settings)
        history = self._lists_of[pair] = self.lists.setdefault(key, known)
        history.adjust(settings)
        return history

    def past(self, keys: Collection[AskedKey], pairs: Collection[Pair]) -> EvidencePast:
        """Return the evidence of these owners, lists and sources for a new store."""
        return EvidencePast(
            _only(self.owners, keys),
            _only(self.lists, keys),
            _only(self._answered, keys),
            _only(self.failures, keys),
            _only(self._held, pairs),
            _only(self._sources, pairs),
            _only(self._compared, pairs),
        )

    def asked(self) -> Iterator[tuple[AskedKey, OwnerSource | ListSource]]:
        """All owners and lists that a source names, and their settings."""
        for owners_key, owners in self.owners.items():
            yield owners_key, owners.settings
        for list_key, sessions in self.lists.items():
            yield list_key, sessions.settings

    @property
    def pairs(self) -> Collection[Pair]:
        """The sources with owners or a list, each with its database."""
        return self._sources.keys()

    def keys_of(self, pair: Pair) -> frozenset[AskedKey]:
        """The owners and the list of a source."""
        return frozenset(key for key, users in self._users.items() if pair in users)

    def users(self, key: AskedKey) -> Collection[Pair]:
        """The sources that use it, each with its database."""
        return self._users[key]

    def verdict(self, database: str, source: str) -> Verdict:
        """What is proved now of the sessions of a source."""
        pair, now = (database, source), self._clock.monotonic()
        if pair not in self._compared:
            return NO_EVIDENCE
        verdict = self._sources[pair].verdict(now)
        return replace(verdict, blind=verdict.blind or self._compared[pair].doubt(now))

    def unreported_owners(self, key: AskedKey) -> Set[str]:
        """Owners that hold sessions and were not alive in the last answer."""
        if key not in self.owners:
            return frozenset()
        held = (self._held[pair].keys() for pair in self._users[key] if pair in self._held)
        return self.owners[key].unreported(frozenset().union(*held))

    def take_owners(self, key: AskedKey, answer: OwnersAnswer | Unknown) -> OwnersState:
        """Add an answer about owners."""
        users = self._users[key]
        held = None
        if all(pair in self._held for pair in users):
            held = _united(self._held[pair] for pair in users)
        failure = self.failures[key] = answer.message if isinstance(answer, Unknown) else ""
        state = self.owners[key].observe(answer, held, self._clock.monotonic())
        self._note(key, failure or state.unknown)
        return state

    def take_list(self, key: AskedKey, answer: ListAnswer) -> ListState:
        """Add the answers of the stores of a list."""
        failures = [
            f"store {name}: {each.message}"
            for name, each in answer.stores.items()
            if isinstance(each, Unknown)
        ]
        self.failures[key] = "; ".join(failures)
        state = self.lists[key].observe(answer, self._clock.monotonic())
        self._note(key, self.failures[key] or state.unknown)
        return state

    def _note(self, key: AskedKey, failure: str) -> None:
        self._answered[key] = failure
        self.changes += 1

    def note_collection(self, pair: Pair, at: float) -> None:
        """Note that the active rows of a source were read, by the monotonic clock."""
        self._compared[pair].note(at)

    def take_held(self, pair: Pair, held: Mapping[str, HeldSessions]) -> None:
        """Add the sessions of a source that each owner holds."""
        self._held[pair] = held

    def take_rows(self, pair: Pair, rows: ComparedRows) -> None:
        """Add the comparison of the active rows of a source with its list."""
        self._sources[pair].observe(rows)
        self.changes += 1

    def up(self) -> Mapping[str, bool]:
        """Whether each of the owners and lists is known now; in several databases, in all.

        Without one that was never asked.
        """
        found = dict[str, bool]()
        for key in self._answered:
            found[key.name] = found.get(key.name, True) and not self.why_down(key)
        return found

    def is_starting(self, key: AskedKey) -> bool:
        """Whether there is a usable answer, but the rows to compare it with are not read yet."""
        if self.failures.get(key):
            return False
        users = self._users[key]
        if key in self.owners and not all(pair in self._held for pair in users):
            return True
        return any(pair in self._compared and self._compared[pair].is_missing for pair in users)

    def why_down(self, key: AskedKey) -> str:
        """Why owners or a list are unknown now, as a sentence; empty where they are known.

        A list that is empty while the table is not proves nothing, like a list that cannot be read.
        Nor does an answer while the rows to compare it with are not read.
        """
        if failure := self._answered.get(key, "not asked yet"):
            return failure
        now = self._clock.monotonic()
        doubts = (self._sources[pair].doubts(now).get(key.name) for pair in self._users[key])
        compared = (self._compared[pair] for pair in self._users[key] if pair in self._compared)
        if doubt := next(filter(None, (*doubts, *(each.doubt(now) for each in compared))), ""):
            return doubt
        return "there was no usable answer for a while" if self._is_old(key) else ""

    def doubt_about_list(self, pair: Pair) -> str:
        """Why it is not known which sessions the list of a source holds, as a sentence.

        Empty where it is known, or there is no list.
        """
        history = self._lists_of.get(pair)
        if history is None:
            return ""
        keys = (key for key in self.keys_of(pair) if key in self.lists)
        failures = (self.failures.get(key, "it was not asked") for key in keys)
        doubts = self._sources[pair].doubts(self._clock.monotonic())
        return next(filter(None, failures), "") or doubts.get(history.settings.name, "")

    @property
    def listed_pairs(self) -> Iterable[Pair]:
        """The sources with a list, each with its database."""
        return self._lists_of.keys()

    def live(self, pair: Pair) -> Mapping[str, int]:
        """How many sessions each store of the source's list holds; without unknown stores."""
        state = self._state_of(pair)
        if state is None:
            return {}
        return {store: count for store, count in state.live.items() if count is not None}

    def disagreeing(self, pair: Pair) -> int | None:
        """How many sessions one store holds and another lacks; None while that is unknown."""
        state = self._state_of(pair)
        return None if state is None or state.disagreeing is None else len(state.disagreeing)

    def untracked(self, pair: Pair) -> int | None:
        """How many sessions the list holds that are not active rows; None while unknown.

        A session that another source with the same list tracks is not untracked.
        """
        history = self._lists_of.get(pair)
        if history is None or self._is_silent(history) or pair in self._without_table:
            return None
        alike = [
            each
            for each, other in self._lists_of.items()
            if other is history and each not in self._without_table
        ]
        found = [self._sources[each].untracked() for each in alike]
        known = [each for each in found if each is not None]
        return len(frozenset.intersection(*known)) if len(known) == len(found) else None

    def dead_owners(self, pair: Pair) -> Mapping[str, int]:
        """The owners known to be dead that hold active sessions of a source, and how many."""
        now, held = self._clock.monotonic(), self._held.get(pair, {})
        dead = (
            self.owners[key].state(now).dead for key in self.keys_of(pair) if key in self.owners
        )
        return {
            owner: held[owner].active for each in dead for owner in sorted(each) if owner in held
        }

    def never_listed(self, pair: Pair, kind: Literal["owners", "list"]) -> int:
        """How many owners known to be dead, or ghosts, of a source no answer has had."""
        verdict = self.verdict(*pair)
        if kind == "list":
            return len(verdict.never_listed_ghosts)
        return len(verdict.never_listed_owners & self._held.get(pair, {}).keys())

    def why_incomplete(self, pair: Pair) -> str:
        """Why the last answer of a list that is a source without a table is not complete."""
        return "; ".join(each for key in self.keys_of(pair) if (each := self.failures.get(key)))

    def sessions(self, pair: Pair) -> Mapping[str, ListedSession]:
        """The sessions that the stores of a source's list hold, by their last usable answers."""
        return self._lists_of[pair].state(self._clock.monotonic()).sessions

    def _state_of(self, pair: Pair) -> ListState | None:
        history = self._lists_of.get(pair)
        if history is None or self._is_silent(history):
            return None
        return history.state(self._clock.monotonic())

    def _is_silent(self, history: ListHistory) -> bool:
        now = self._clock.monotonic()
        return now - history.state(now).round > history.longest_gap

    def _is_old(self, key: AskedKey) -> bool:
        now = self._clock.monotonic()
        if key in self.owners:
            return bool(self.owners[key].state(now).unknown)
        return self._is_silent(self.lists[key])


def reads_database(settings: OwnerSource | ListSource) -> bool:
    """Whether the answer comes from the database of each source that uses it."""
    if isinstance(settings, ListSource):
        return settings.sql is not None
    return settings.table is not None or settings.sql is not None


def _only(found: Mapping[K, V], wanted: Collection[K]) -> dict[K, V]:
    return {key: value for key, value in found.items() if key in wanted}


def _united(parts: Iterator[Mapping[str, HeldSessions]]) -> Mapping[str, HeldSessions]:
    """What each owner holds in several sources."""
    found = dict[str, HeldSessions]()
    for held in parts:
        for owner, more in held.items():
            before = found.get(owner, HeldSessions(0))
            seen = [each.last_seen for each in (before, more) if each.last_seen is not None]
            read = [each.read_at for each in (before, more) if each.read_at is not None]
            active = before.active + more.active
            newest = max(seen, default=None)
            found[owner] = HeldSessions(active, newest, min(read, default=None))
    return found
