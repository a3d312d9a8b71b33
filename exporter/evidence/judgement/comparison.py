"""When collections of one source last read its rows, with which evidence is compared."""

#: As what a list or owners have answered.
_INTERVALS = 3


class Comparison:
    """Without a recent collection nothing is proved: the list may hold none of the present rows.

    Nor is it known whether sessions of a missing owner show life.
    """

    def __init__(self, every: float, timeout: float) -> None:
        """`every` is the least interval of the collections, and `timeout` how long one may take."""
        self._interval = every
        self._every = every
        self._timeout = timeout
        self.at: float | None = None
        """When the last one was, by the monotonic clock; None: there was none yet."""

    @property
    def is_missing(self) -> bool:
        """Whether no collection has read the rows yet."""
        return self.at is None

    def note(self, at: float) -> None:
        """Record a collection, by the monotonic clock; long collections run less often."""
        if self.at is not None:
            self._interval = max(self._every, at - self.at)
        self.at = at

    def doubt(self, now: float) -> str:
        """Return why the rows are not known, as a sentence; empty where they are."""
        if self.at is None:
            return "no collection has read the active sessions yet"
        age = now - self.at
        if age > _INTERVALS * self._interval + self._timeout:
            return f"no collection has read the active sessions for {age:.0f} s"
        return ""
