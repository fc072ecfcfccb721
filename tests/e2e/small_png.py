"""A screenshot in at most 256 colours: a third of the bytes, and nothing that an eye would miss."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def with_few_colours(png: bytes) -> bytes:
    """Raises ValueError for another sort of PNG than a browser's screenshot: 8 bits a channel, not interlaced."""
    chunks = list(_chunks(png))
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in (2, 6) or interlaced:
        raise ValueError("not a screenshot")
    raw = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    size = 3 if kind == 2 else 4
    rows = [[bytes(row[at : at + 3]) for at in range(0, len(row), size)] for row in _rows(raw, width * size, size)]
    palette = [colour for colour, _ in Counter(pixel for row in rows for pixel in row).most_common(COLOURS)]

    @cache
    def nearest(pixel: bytes) -> int:
        return min(
            range(len(palette)), key=lambda one: sum((a - b) ** 2 for a, b in zip(palette[one], pixel, strict=True))
        )

    shown = b"".join(b"\0" + bytes(nearest(pixel) for pixel in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    kept = [(b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(shown, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in kept)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _rows(raw: bytes, length: int, size: int) -> Iterator[bytearray]:
    """The rows without their filters. Source: the PNG specification, 9.2."""
    above = bytearray(length)
    for start in range(0, len(raw), length + 1):
        sort, row = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        for at in range(length):
            left, up = row[at - size] if at >= size else 0, above[at]
            corner = above[at - size] if at >= size else 0
            row[at] = (row[at] + _guess(sort, left, up, corner)) & 255
        yield row
        above = row


def _guess(sort: int, left: int, up: int, corner: int) -> int:
    if sort == 4:
        near = left + up - corner
        return min((left, up, corner), key=lambda one: abs(near - one))
    return (0, left, up, (left + up) // 2)[sort]
