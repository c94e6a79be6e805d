"""GIF files whose pictures carry no delay, made readable."""

from collections.abc import Iterator

_DELAY = 10  # hundredths of a second: what browsers take where the file says nothing
_CONTROL = b"\x21\xf9\x04\x00" + _DELAY.to_bytes(2, "little") + b"\x00\x00"  # a Graphic Control Extension


def with_delays(content: bytes) -> bytes:
    """The file with a delay before every picture that has none.

    FFmpeg 7 and later take such pictures for parts of the picture before them. Layout: GIF89a, 17 to 23.
    A file that is torn is given back as far as it could be followed, and its rest as it is.
    """
    parts, done = [], 0
    for start in _pictures_without_delay(content):
        parts += [content[done:start], _CONTROL]
        done = start
    return b"".join([*parts, content[done:]])


def _pictures_without_delay(content: bytes) -> Iterator[int]:
    """Where each image descriptor begins that no Graphic Control Extension precedes."""
    try:
        at = 13 + _colour_table_bytes(content[10])
        controlled = False
        while content[at] != 0x3B:  # the trailer
            if content[at] == 0x21:
                controlled |= content[at + 1] == 0xF9
                at = _after_blocks(content, at + 2)
            elif content[at] == 0x2C:
                if not controlled:
                    yield at
                controlled = False
                at = _after_blocks(content, at + 11 + _colour_table_bytes(content[at + 9]))
            else:
                return
    except IndexError:
        return


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    while content[at]:
        at += 1 + content[at]
    return at + 1
