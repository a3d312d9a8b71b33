"""Owners whose last report is too old or in the future: whether they go on to report."""

from exporter.evidence.answers import OwnersAnswer


class Reports:
    """The last report of each such owner.

    Where it is seen to change the owner lives, and its clock is wrong. Where it does not, the owner
    has once reported, and does not now: also one that no answer has had as living.
    """

    def __init__(self) -> None:
        self._reported: dict[str, float] = {}
        self._since: dict[str, float] = {}  # the first answer with this report
        self._changed: set[str] = set()
        self.silent = frozenset[str]()
        """Those whose report has been the same in the answers of `within` seconds."""

    def living(self, answer: OwnersAnswer, within: float) -> frozenset[str]:
        """Return those whose report has changed between two answers, `within` seconds ago."""
        before, self._reported = self._reported, dict(answer.reported)
        same = {owner for owner, at in before.items() if self._reported.get(owner) == at}
        self._changed = (self._changed & same) | (before.keys() & self._reported.keys()) - same
        self._since = {
            owner: self._since[owner] if owner in same else answer.at for owner in self._reported
        }
        lasting = {owner for owner, since in self._since.items() if answer.at - since >= within}
        self.silent = frozenset(lasting)
        return frozenset(self._changed - lasting)
