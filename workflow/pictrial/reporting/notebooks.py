"""Notebooks on their way to a reader: executed on the results of a run, the same bytes every time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pictrial.errors import InputError
from pictrial.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Tag of the one cell whose values the run replaces.
PARAMETERS = "parameters"
_SECONDS = 120  # that a cell may take
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
body {{ font: 15px/1.5 "DejaVu Sans", system-ui, sans-serif; color: #1c2126; max-width: 60rem;
margin: 2rem auto; padding: 0 1rem; }}
pre {{ font-size: 12px; line-height: 1.35; overflow-x: auto; margin: 0; }}
.highlight, .jp-OutputArea-output pre {{ background: #f5f6f7; padding: .5rem .7rem; border-radius: 4px; }}
.jp-InputPrompt, .jp-OutputPrompt, .anchor-link {{ display: none; }}
.jp-Cell {{ margin: .8rem 0; }}
img {{ max-width: 100%; height: auto; }}
table {{ border: 0; border-collapse: collapse; font-size: 12px; display: block; overflow-x: auto; }}
th, td {{ border: 0; border-bottom: 1px solid #d8dcdf; padding: .15rem .6rem; text-align: left; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def execute_notebook(
    source: str | Path, notebook: str | Path, page: str | Path, parameters: Mapping[str, object]
) -> None:
    """Execute a notebook and write it with its results, as a notebook and as a page of HTML.

    The page needs nothing but itself.

    Parameters
    ----------
    source : path
        A notebook without outputs.
    notebook, page : path
        Files to write: ``.ipynb`` and ``.html``.
    parameters : mapping of str to object
        Values of the notebook's parameters; what Python writes of them must be Python again.

    Raises
    ------
    InputError
        Where the notebook has no cell of parameters, it does not have one of them, or a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    book = nbformat.read(source, as_version=4)
    _set_parameters(source, book, parameters)
    client = NotebookClient(book, timeout=_SECONDS, record_timing=False, kernel_name="python3")
    try:
        client.execute()
    except CellExecutionError as error:
        rule = f"a cell failed: {error.ename}: {error.evalue.rstrip('.')}"
        raise InputError(source, rule, "Correct the notebook, or run the trial.") from None
    executed = stripped(book, outputs=True)
    write_text(notebook, nbformat.writes(executed) + "\n")
    write_text(page, html_page(executed))


def stripped(book: NotebookNode, outputs: bool) -> NotebookNode:
    """Return a notebook without what differs between two runs; without `outputs` as it is kept in git.

    Left out are execution times and counts, the state of widgets, the version of Python, and where objects
    are in memory. Cells are numbered in their order.
    """
    from copy import deepcopy

    book = deepcopy(book)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book.metadata.clear()
    book.metadata.update({"kernelspec": kernel, "language_info": {"name": "python"}})
    for number, cell in enumerate(book.cells, start=1):
        cell["id"] = f"cell-{number}"
        tags = cell.metadata.get("tags")
        cell.metadata.clear()
        if tags:
            cell.metadata["tags"] = tags
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.outputs = [_stable(output) for output in cell.outputs] if outputs else []
    return book


def html_page(book: NotebookNode) -> str:
    """Return an executed notebook as a page of HTML."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(book)
    heading = book.cells[0].source.splitlines()[0].lstrip("# ")
    style = HtmlFormatter(style="default").get_style_defs(".highlight")
    return _PAGE.format(title=escape(heading), style=style, body=body.strip())


def _set_parameters(source: str | Path, book: NotebookNode, parameters: Mapping[str, object]) -> None:
    """Replace the values in the cell of parameters, one assignment in each of its lines."""
    cells = [cell for cell in book.cells if PARAMETERS in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        rule = f"{len(cells)} cells have the tag {PARAMETERS!r}, not one"
        raise InputError(source, rule, "Tag the one cell whose values the run sets.")
    names = [line.partition("=")[0].strip() for line in cells[0].source.splitlines() if "=" in line]
    if unknown := set(names) - set(parameters):
        rule = f"the run has no parameter {min(unknown)!r}"
        raise InputError(source, rule, f"Use {', '.join(parameters)}.")
    cells[0].source = "\n".join(f"{name} = {parameters[name]!r}" for name in names)


def _stable(output: NotebookNode) -> NotebookNode:
    """Return an output without execution count, metadata and places in memory."""
    output.pop("execution_count", None)
    if output.output_type == "execute_result":
        output["execution_count"] = None
    if "metadata" in output:
        output.metadata.clear()
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/"):
            output.data[kind] = re.sub(r" at 0x[0-9a-f]+", "", content)
    return output
