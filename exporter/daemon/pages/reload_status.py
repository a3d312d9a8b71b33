"""ReloadStatus: whether the config file was valid when it was last read."""


class ReloadStatus:
    """Of the process; `version` grows with every change. Times are Unix times."""

    def __init__(self, read_at: float) -> None:
        """The config in use was read at that time."""
        self.read_at = read_at
        self.failed_at: float | None = None
        """When a later reload failed; None if none has failed since."""
        self.problems = 0
        """The number of problems of that reload."""
        self.version = 0

    def succeeded(self, at: float) -> None:
        """Note that another config is in use."""
        self.read_at, self.failed_at, self.problems = at, None, 0
        self.version += 1

    def failed(self, at: float, problems: int) -> None:
        """Note that a file cannot be used."""
        self.failed_at, self.problems = at, problems
        self.version += 1
