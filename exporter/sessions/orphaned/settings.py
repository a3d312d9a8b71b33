"""The statement that passes a verdict to a transaction, and the thread that builds it."""

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from exporter.queries import fill, literal
from exporter.sessions.verdict import ListedTimes, Verdict

#: Up to this number of texts are written in the event loop; more, up to 100,000, in a thread.
_FEW = 1000

#: The years 1 and 9999, as Unix timestamps.
_FIRST_YEAR, _LAST_YEAR = -62135596800.0, 253402214400.0

#: Python's names for PostgreSQL's encodings that Python does not know by PostgreSQL's name.
_CODECS = {"WIN866": "cp866", "WIN874": "cp874", "LATIN6": "iso8859_10", "LATIN7": "iso8859_13"}
_CODECS |= {"LATIN8": "iso8859_14", "LATIN9": "iso8859_15", "LATIN10": "iso8859_16"}
_CODECS |= {f"WIN{page}": f"cp{page}" for page in range(1250, 1259)}
_CODECS |= {f"LATIN{n}": f"iso8859_{n}" for n in range(1, 5)} | {"LATIN5": "iso8859_9"}
_CODECS |= {f"ISO_8859_{n}": f"iso8859_{n}" for n in range(5, 9)}
_CODECS |= {"KOI8R": "koi8_r", "KOI8U": "koi8_u"}
_CODECS |= {"EUC_JP": "euc_jp", "EUC_KR": "euc_kr", "EUC_CN": "gb2312"}


async def evidence_settings(verdict: Verdict, encoding: str = "UTF8") -> tuple[str, ...]:
    """Like evidence_statements(); a long statement does not block the event loop."""
    if len(verdict.dead_owners) + len(verdict.listed) + len(verdict.ghosts) <= _FEW:
        return evidence_statements(verdict, encoding)
    return await asyncio.to_thread(evidence_statements, verdict, encoding)


def evidence_statements(verdict: Verdict, encoding: str = "UTF8") -> tuple[str, ...]:
    """The statement that passes a verdict to a transaction, before its others; it gives a row.

    None without evidence. Texts that the encoding of the database cannot represent cannot be in it,
    and are omitted.
    """
    if not (verdict.dead_owners or verdict.listed or verdict.ghosts):
        return ()
    listed, seen, oldest, newest = _listed(verdict, encoding)
    ghosts = [each for each in verdict.ghosts if each not in verdict.listed]
    return (
        fill(
            "evidence/settings",
            dead_owners=literal(_array(_possible(verdict.dead_owners, encoding))),
            listed=listed,
            listed_seen=seen,
            oldest=oldest,
            newest=newest,
            ghosts=literal(_array(_possible(ghosts, encoding))),
        ),
    )


def settings_statement(texts: Mapping[str, Collection[str]], encoding: str) -> tuple[str, ...]:
    """The statement that passes further texts to a transaction, by the names of settings."""
    values = (
        fill(
            "evidence/setting",
            setting=literal(name),
            value=literal(_array(_possible(each, encoding))),
        )
        for name, each in texts.items()
    )
    return (f"SELECT {', '.join(values)}",)


def _listed(verdict: Verdict, encoding: str) -> Sequence[str]:
    """The ids of a list, their times, and the oldest and newest; written once for each answer."""

    def write() -> Sequence[str]:
        ids = _possible(verdict.listed, encoding)
        times = [_held(verdict.listed[each]) for each in ids]
        dated = [each for each in times if each is not None]
        extremes = (f"{each(dated):.6f}" if dated else "" for each in (min, max))
        return tuple(map(literal, (_array(ids), _times(times), *extremes)))

    if isinstance(verdict.listed, ListedTimes):
        return verdict.listed.written_once(encoding, write)
    return write()


def _held(time: float | None) -> float | None:
    """A time limited to the years to which a threshold can be added; NaN is none."""
    if time is None or not math.isfinite(time):
        return None
    return min(max(time, _FIRST_YEAR), _LAST_YEAR)


def _times(times: Iterable[float | None]) -> str:
    written = ("NULL" if each is None else f"{each:.6f}" for each in times)
    return f"{{{','.join(written)}}}"


def _array(texts: Collection[str]) -> str:
    """Write a text array, each element in quotes, so that elements need no inspection."""
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * max(len(texts) - 1, 0):
        joined = '","'.join([each.replace("\\", "\\\\").replace('"', '\\"') for each in texts])
    return f'{{"{joined}"}}' if texts else "{}"


def _possible(texts: Collection[str], encoding: str) -> Collection[str]:
    """The texts that can be in a database; nearly always all."""
    joined = "".join(texts)
    if joined.isascii() and "\0" not in joined:
        return texts
    return [each for each in texts if _is_text(each, encoding)]


def _is_text(key: str, encoding: str) -> bool:
    """Whether a text can be in a database; true for an encoding that Python does not know.

    PostgreSQL has control characters in encodings in which Python has none.
    """
    if key.isascii():
        return "\0" not in key
    try:
        key.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    if "\0" in key:
        return False
    codec = _CODECS.get(encoding)
    if codec is None:
        return True
    for character in key:
        if not "\x80" <= character <= "\x9f":
            try:
                character.encode(codec)
            except UnicodeEncodeError:
                return False
    return True
