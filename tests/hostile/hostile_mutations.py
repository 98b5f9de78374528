"""Damage that knows what files are made of: cuts, flipped bits, fields out of range, hostile words."""

import re
import struct
from random import Random

#: What a field may become.
WORDS = [
    *(b"", b"-1", b"0", b"nan", b"inf", b"-inf", b"1e999", b"1e-320", b"99999999", b"-99999999", b"1_0"),
    *(b"9223372036854775807", b"4294967296", b"-2147483648", b"0.1", b"1e5", b"0x10", b"007", b"9" * 400),
    *(b"n/a", b"null", b"true", b"[]", b"{}", b'""', b"NaN", b"Infinity", b"-Infinity", b"[[", b'{"a":1}'),
    *(b"../../../../etc/passwd", b"/etc/passwd", b"..", b"a/b", b"~", b"sub-02", b"EMG1", b"MU01", b"n\x00"),
    *(b"=1+1", b"=cmd|'/C calc'!A0", b"@SUM(1)", b"%s%n", b"{0}", b"<script>", b"${x}", b"`id`", b"$(id)"),
    *(
        b"!!python/object/apply:os.system ['id']",
        b"!!binary x",
        b"!!float x",
        b"2001-99-99",
        b"*a",
        b"&a [*a]",
    ),
    *(b"<<: 1", b"? [a]", b"|", b'"', b"'", b"\t", b"\n", b"\r", b"\r\n", b"\x00", b"\xef\xbb\xbf", b"\xff"),
    *("µV".encode(), "µV".encode("latin-1"), "１".encode(), "\u202e".encode(), b"\xed\xa0\x80", b"%MVC"),
]
#: What a binary number may become.
NUMBERS = [
    *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\xff\x7f", b"\x00\x80", b"\xff\xff\xff\xff"),
    *(
        struct.pack(kind, number)
        for kind in ("<i", ">i")
        for number in (0, 1, 9, 14, 15, -1, 2**31 - 1, -(2**31))
    ),
    *(struct.pack(kind, number) for kind in ("<q", ">q") for number in (-1, 2**33, 2**63 - 1, -(2**63))),
    *(struct.pack("<d", number) for number in (float("nan"), float("inf"), -1.0, 1e308, 0.5)),
]
_FIELD = re.compile(rb"[^\s,:;<>=\"'\[\]{}()]+")
MOST = 100_000  # bytes of a damaged file


def mutate(data: bytes, random: Random) -> bytes:
    """Return `data` damaged in one to three places."""
    for _ in range(random.randint(1, 3)):
        data = random.choice(KINDS)(data, random)
    return data[:MOST]


def _place(data: bytes, random: Random) -> tuple[int, int]:
    """Return start and end of a piece, which is short more often than not."""
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice([0, 1, 2, 4, 8, 16, 256, len(data)]))


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4) if data else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, random: Random) -> bytes:
    start, number = random.randint(0, len(data)), random.choice(NUMBERS)
    return data[:start] + number + data[start + len(number) :]


def replace_field(data: bytes, random: Random) -> bytes:
    """Replace a word of text; half the time the file keeps its length, as in headers of fixed width."""
    found = _FIELD.search(data, random.randint(0, len(data))) or _FIELD.search(data)
    if not found:
        return data + random.choice(WORDS)
    word = random.choice(WORDS)
    if random.randint(0, 1):
        # Blanks that follow belong to a field of fixed width.
        width = len(found[0]) + len(data[found.end() :]) - len(data[found.end() :].lstrip(b" "))
        return data[: found.start()] + word[:width].ljust(width) + data[found.start() + width :]
    return data[: found.start()] + word + data[found.end() :]


def insert(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + random.choice(WORDS) + data[start:]


def remove(data: bytes, random: Random) -> bytes:
    start, end = _place(data, random)
    return data[:start] + data[end:]


def repeat(data: bytes, random: Random) -> bytes:
    start, end = _place(data, random)
    return data[:start] + data[start:end] * random.choice([2, 3, 2000]) + data[end:]


def move_line(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    line = lines[random.randrange(len(lines))]
    if random.randint(0, 1):
        lines.remove(line)
    lines.insert(random.randint(0, len(lines)), line)
    return b"".join(lines)


def recode(data: bytes, random: Random) -> bytes:
    """Write the whole file with other line ends or in another encoding."""
    text = data.decode("utf-8", errors="replace")
    ways = ("utf-16", "utf-16-le", "latin-1", "utf-8-sig")
    kind = random.choice([*ways, "crlf", "cr"])
    if kind in ways:
        return text.encode(kind, errors="replace")
    return data.replace(b"\n", b"\r\n" if kind == "crlf" else b"\r")


KINDS = [
    cut,
    flip,
    overwrite,
    overwrite,
    replace_field,
    replace_field,
    insert,
    remove,
    repeat,
    move_line,
    recode,
]
