"""Why there is no usable answer."""

from exporter.evidence.answers import Unknown


def late(timeout: float) -> Unknown:
    """There was no answer in time."""
    return Unknown("timeout", f"no complete answer within {timeout:g} s")


class AskingError(Exception):
    """There is no usable answer; the argument is the reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.unknown = Unknown(reason, message)
