"""Notebooks are kept without outputs, and what a run makes of them is the same bytes every time."""

import nbformat
import pytest
from conftest import REPOSITORY

from pictrial.errors import InputError
from pictrial.reporting.notebooks import execute_notebook, html_page, stripped

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))


def written(path, *sources, tagged=True):
    """Write a notebook whose second cell has the parameters."""
    cells = [nbformat.v4.new_markdown_cell("# A title"), *map(nbformat.v4.new_code_cell, sources)]
    book = nbformat.v4.new_notebook(cells=cells)
    if tagged:
        book.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(book, path)
    return path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped_in_git(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert stripped(book, outputs=False) == book


def test_stripping_leaves_out_what_differs_between_runs():
    cell = nbformat.v4.new_code_cell("x", execution_count=7, id="a1b2")
    cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    shown = nbformat.v4.new_output("execute_result", {"text/plain": "<Thing at 0x7f00ab>"}, execution_count=7)
    cell.outputs = [shown]
    book = nbformat.v4.new_notebook(
        cells=[cell], metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    )
    kept = stripped(book, outputs=True)
    (left,) = kept.cells
    assert (left.id, left.execution_count, left.metadata) == ("cell-1", None, {})
    assert left.outputs[0].data["text/plain"] == "<Thing>" and left.outputs[0].execution_count is None
    assert kept.metadata.language_info == {"name": "python"} and "widgets" not in kept.metadata
    assert stripped(book, outputs=False).cells[0].outputs == []
    assert book.cells[0].execution_count == 7  # the original is as it was


def test_page_needs_nothing_but_itself():
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A <title>"), nbformat.v4.new_code_cell("1 + 1", id="b")]
    )
    page = html_page(book)
    assert "<title>A &lt;title&gt;</title>" in page
    assert "http" not in page and "<script" not in page and "In [" not in page


@pytest.mark.slow
def test_notebook_is_executed_with_the_parameters_of_the_run_the_same_bytes_twice(tmp_path):
    source = written(
        tmp_path / "source.ipynb",
        'results = "elsewhere"',
        "import matplotlib.pyplot as plt\nplt.plot([0, len(results)]); object()",
    )
    for name in "ab":
        execute_notebook(
            source, tmp_path / f"{name}.ipynb", tmp_path / f"{name}.html", {"results": "here", "other": 1}
        )
    book = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    assert book.cells[1].source == "results = 'here'"
    assert [output.output_type for output in book.cells[2].outputs] == ["execute_result", "display_data"]
    for suffix in ("ipynb", "html"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_bad_notebooks_are_refused(tmp_path):
    files = (tmp_path / "out.ipynb", tmp_path / "out.html")
    untagged = written(tmp_path / "untagged.ipynb", "x = 1", tagged=False)
    with pytest.raises(InputError, match="0 cells have the tag 'parameters'"):
        execute_notebook(untagged, *files, {"x": 1})
    unknown = written(tmp_path / "unknown.ipynb", "figurs = 1")
    with pytest.raises(InputError, match="the run has no parameter 'figurs'"):
        execute_notebook(unknown, *files, {"figures": {}})


@pytest.mark.slow
def test_failing_cell_names_notebook_and_error(tmp_path):
    failing = written(tmp_path / "failing.ipynb", "x = 1", "1 / 0")
    with pytest.raises(InputError, match="a cell failed: ZeroDivisionError: division by zero"):
        execute_notebook(failing, tmp_path / "out.ipynb", tmp_path / "out.html", {"x": 2})
    assert not (tmp_path / "out.html").exists()
