"""A small world: an application with chats, whose clock jumps as if every row had been written
earlier, or later. Times are whole minutes, and the threshold lies between two of them.
"""

from dataclasses import dataclass, field

from tests.support.recovery.chats import END, SOURCE, Application
from tests.support.recovery.recoveries import Recoveries

THRESHOLD = 10.5  # minutes

EVERY_OTHER_MINUTE = SOURCE.replace("10m", "630s").replace("10 minutes", "630 seconds")


@dataclass
class Session:
    """What the application knows of a chat. Times are minutes."""

    started: int
    seen: int
    told: list[int] = field(default_factory=list)
    by: str | None = None
    version: int = 0

    @property
    def last_sign(self) -> int:
        return max(self.started, self.seen, *self.told)

    def is_orphan(self, now: int) -> bool:
        return self.by is None and now - self.last_sign > THRESHOLD


class World:
    """The application, its clock, and what must be in the table."""

    def __init__(self, recoveries: Recoveries, application: Application) -> None:
        self.recoveries = recoveries
        self.now = 0
        self.known: dict[int, Session] = {}
        self._application = application

    def start(self, id_: int) -> None:
        if id_ not in self.known:
            self.known[id_] = Session(self.now, self.now)
            self.do(f"INSERT INTO public.chats (id, started_at) VALUES ({id_}, now())")
            self.do(f"UPDATE public.chats SET last_seen_at = now() WHERE id = {id_}")

    def show_life(self, id_: int, age: int) -> None:
        if (session := self.known.get(id_)) and session.by is None:
            session.seen, session.version = self.now - age, session.version + 1
            at = f"now() - interval '{age} minutes'"
            self.do(f"UPDATE public.chats SET last_seen_at = {at} WHERE id = {id_}")

    def tell(self, table: str, id_: int, age: int) -> None:
        if session := self.known.get(id_):
            session.told.append(self.now - age)
            at = f"now() - interval '{age} minutes'"
            self.do(f"INSERT INTO public.{table} VALUES ({id_}, {at})")

    def end(self, id_: int) -> None:
        if (session := self.known.get(id_)) and session.by is None:
            session.by, session.version = "application", session.version + 1
            self.do(f"{END} WHERE id = {id_} AND is_active")

    def reopen(self, id_: int) -> None:
        if (session := self.known.get(id_)) and session.by is not None:
            session.by, session.seen = None, self.now
            session.version += 1
            self.do(
                "UPDATE public.chats SET is_active = true, last_seen_at = now(), ended_at = NULL,"
                f" ended_by = NULL WHERE id = {id_}"
            )

    def jump(self, minutes: int) -> None:
        self.now += minutes
        by = f"interval '{minutes} minutes'"
        for column in ("started_at", "last_seen_at"):
            self.do(f"UPDATE public.chats SET {column} = {column} - {by}")
        for table in ("messages", "presence"):
            self.do(f"UPDATE public.{table} SET at = at - {by}")

    def recover(
        self, after: int, before_the_lock: list["Step"], before_the_write: list["Step"]
    ) -> None:
        """What was an orphan when it was found, is the same row, and still is an orphan."""
        self.jump(after)
        found = {id_: each.version for id_, each in self.known.items() if each.is_orphan(self.now)}
        with self.recoveries.recovery() as recovery:
            if found:
                recovery.until("lock")
            for name, *values in before_the_lock:
                getattr(self, name)(*values)
            same = {id_ for id_, version in found.items() if self.known[id_].version == version}
            if any(self.known[id_].by is None for id_ in found):
                recovery.until("write")
                for name, *values in before_the_write:
                    getattr(self, name)(*values)
            outcome = recovery.finish()
        expected = {id_ for id_ in same if self.known[id_].is_orphan(self.now)}
        assert {int(each.session) for each in outcome.recovered} == expected
        assert outcome.skipped == len(found) - len(expected)
        for id_ in expected:
            self.known[id_].by = "recovery"
        self.check()

    def check(self) -> None:
        rows = self.recoveries.chats.rows("SELECT id, is_active, ended_by FROM public.chats")
        assert {row["id"]: row["ended_by"] for row in rows} == {
            id_: session.by for id_, session in self.known.items()
        }
        assert all(row["is_active"] == (row["ended_by"] is None) for row in rows)

    def do(self, statement: str) -> None:
        self._application.do(statement)


Step = tuple[str, *tuple[object, ...]]
