"""What the tests of the documentation read: pages, blocks, commands, code spans."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "results" / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What begins a line that a reader would type.
TYPED = re.compile(
    r"(\$ )?([A-Z_]+=\S+ )*(\S*/)?(pictrial|make|python3?|snakemake|pip|docker|apptainer|sbatch|bash) "
)


class Command(NamedTuple):
    """A command that a page shows: continuation lines joined, remarks and environment left off."""

    page: str
    text: str


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and content of each block of code."""
    return _BLOCK.findall(text_of(page))


def prose(page: Path) -> str:
    """Return the page without its blocks of code."""
    return _BLOCK.sub("", text_of(page))


def code_spans(page: Path) -> list[str]:
    return re.findall(r"(?<!\$)`([^`\n]+)`", prose(page))


def commands_of(block: str) -> list[str]:
    """Return the commands of a shell block."""
    lines = block.replace("\\\n", " ").splitlines()
    bare = [re.sub(r"\s+", " ", re.sub(r"(^|\s)#.*", "", line)).strip() for line in lines]
    return [line.removeprefix("$ ") for line in bare if line]


def shell_commands() -> list[Command]:
    """Return every command of every block that is marked as shell, in the order of the pages."""
    return [
        Command(str(page.relative_to(PROJECT)), text)
        for page in PAGES
        for language, block in blocks(page)
        if language in ("sh", "bash", "console")
        for text in commands_of(block)
    ]
