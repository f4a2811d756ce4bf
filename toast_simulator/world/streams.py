"""Randomness that can be asked for again: streams and GUIDs that are pure functions of a key."""

from __future__ import annotations

import hashlib
from random import Random


def seed_of(*parts: object) -> int:
    """A 64-bit number for the key ``parts``; the same on every machine and Python."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def stream(*parts: object) -> Random:
    """A generator of its own for the key ``parts``."""
    return Random(seed_of(*parts))  # noqa: S311 - invented data, nothing secret


def fraction(*parts: object) -> float:
    """One number in [0, 1) for the key ``parts``, cheaper than a stream."""
    return seed_of(*parts) / 2**64


def guid(*parts: object) -> str:
    """The GUID (version 4 in form) that belongs to the key ``parts``."""
    text = "\x1f".join(map(str, parts)).encode()
    return _dashed(hashlib.blake2b(text, digest_size=15).hexdigest())


def _dashed(digits: str) -> str:
    """Thirty hexadecimal digits in the form of a version 4 GUID."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:30]}"


class GuidSource:
    """GUIDs one after the other, for the parts of one order. One hash serves many of them."""

    __slots__ = ("_block", "_digits", "_key", "_position")

    _BATCH = 24

    def __init__(self, *parts: object) -> None:
        self._key = "\x1f".join(map(str, parts))
        self._block = 0
        self._position = 0
        self._digits = self._more()

    def _more(self) -> str:
        return hashlib.shake_128(f"{self._key}\x1f{self._block}".encode()).hexdigest(15 * self._BATCH)

    def next(self) -> str:
        """The next GUID."""
        at = self._position
        if at == 30 * self._BATCH:
            self._block += 1
            self._digits = self._more()
            at = 0
        self._position = at + 30
        return _dashed(self._digits[at : at + 30])


class DatedGuids:
    """GUIDs that can be read backwards: the home date and the number of the thing on it are in them.

    So an order, or a time entry, is found by its GUID without an index of all that ever were.
    """

    def __init__(self, *parts: object) -> None:
        self._key = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=32).digest()

    def encode(self, ordinal: int, number: int) -> str:
        """The GUID of number ``number`` on the date with this proleptic ordinal."""
        noise = hashlib.blake2b(b"%d/%d" % (ordinal, number), key=self._key, digest_size=10).digest()
        code = (ordinal << 20 | number) ^ self._mask(noise)
        return _dashed(f"{noise.hex()}{code:010x}")

    def decode(self, text: str) -> tuple[int, int] | None:
        """The ordinal and number in a GUID that ``encode`` made; None for any other text."""
        digits = text.lower().replace("-", "")
        try:
            noise = bytes.fromhex(digits[:12] + digits[13:16] + digits[17:22])
            code = int(digits[22:], 16) ^ self._mask(noise)
        except ValueError:
            return None
        ordinal, number = code >> 20, code & 0xFFFFF
        return (ordinal, number) if self.encode(ordinal, number) == text.lower() else None

    def _mask(self, noise: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(noise, key=self._key, digest_size=5).digest(), "big")
