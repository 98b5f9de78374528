"""A figure for readers: its files, its caption, and where the numbers in both come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pictrial.files import write_text
from pictrial.reporting.figures import write_figure
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.shown import Shown
from pictrial.tables import write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_captioned_figure(
    figure: Figure, stem: str | Path, caption: Sequence[Shown], texts: Iterable[tuple[str, Shown]] = ()
) -> list[Path]:
    """Write a figure as PDF, PNG and SVG, its caption, and the table of its numbers.

    Parameters
    ----------
    stem : str or Path
        Path without suffix; beside it are ``.rst`` and ``_numbers.tsv`` (schema ``numbers_shown``).
    caption : sequence of Shown
        Its paragraphs.
    texts : iterable of tuple of str and Shown
        Place and text of what is written in the figure with numbers; the axes' numbers are none of them.
    """
    stem = Path(stem)
    paths = write_figure(figure, stem)
    text, numbers = stem.with_name(f"{stem.name}.rst"), stem.with_name(f"{stem.name}_numbers.tsv")
    write_text(text, "\n\n".join(paragraph.text for paragraph in caption) + "\n")
    places = [*texts, *((f"caption, paragraph {n}", shown) for n, shown in enumerate(caption, start=1))]
    write_table(numbers_shown(f"{stem.parent.name}/{stem.name}", places), numbers, "numbers_shown")
    return [*paths, text, numbers]
