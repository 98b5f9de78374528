"""Tables with a checked schema: each TSV has a data dictionary beside it.

The schema of a table is ``workflow/schemas/tables/<name>.json``: a title and, per column, its
``Description``, ``type`` (string, integer, number or boolean), and where they apply ``Units``,
``Levels``, ``Derivation``, ``nullable``, ``minimum`` and ``maximum``.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pictrial.errors import InputError
from pictrial.files import atomic_path, write_text

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas" / "tables"
MISSING = "n/a"
#: What a cell may be, and what becomes of it unless it is missing.
_CELLS = {
    "integer": re.compile(r"[+-]?[0-9]{1,18}|n/a"),
    "number": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf|n/a"),
    "boolean": re.compile("True|False|n/a"),
    "string": re.compile(".*", re.DOTALL),
}
_VALUES: dict[str, Callable[[str], object]] = {
    "integer": int,
    "number": float,
    "boolean": "True".__eq__,
    "string": str,
}
_DTYPES = {"string": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}


def load_schema(name: str) -> dict:
    """Return the schema of the table called `name`."""
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def check_table(frame: pd.DataFrame, name: str, where: object) -> pd.DataFrame:
    """Check `frame` against the schema called `name`.

    Parameters
    ----------
    frame : DataFrame
        The table, one column for every column of the schema, and no others.
    name : str
        Name of the schema.
    where : object
        What to call the table in an error, usually its file.

    Returns
    -------
    DataFrame
        The table with the schema's column order and dtypes.

    Raises
    ------
    InputError
        Where a column is missing or unknown, or a value breaks its column's rule.
    """
    import pandera.pandas as pa

    columns = load_schema(name)["columns"]
    remedy = f"See workflow/schemas/tables/{name}.json."
    for missing in [column for column in columns if column not in frame]:
        raise InputError(where, f"column {missing!r} is missing", remedy)
    for unknown in [column for column in frame if column not in columns]:
        raise InputError(where, f"column {unknown!r} is unknown", remedy)
    rules = {column: _column(pa, rule) for column, rule in columns.items()}
    try:
        return pa.DataFrameSchema(rules, coerce=True).validate(frame[list(columns)], lazy=True)
    except pa.errors.SchemaErrors as error:
        raise InputError(where, _first_failure(error), remedy) from error


def _column(pa, rule: dict):
    checks = []
    if "minimum" in rule:
        checks.append(pa.Check.ge(rule["minimum"]))
    if "maximum" in rule:
        checks.append(pa.Check.le(rule["maximum"]))
    if "Levels" in rule:
        checks.append(pa.Check.isin(list(rule["Levels"])))
    return pa.Column(_DTYPES[rule["type"]], checks, nullable=rule.get("nullable", False))


def _first_failure(error) -> str:
    failures = error.failure_cases
    if not isinstance(failures, pd.DataFrame) or failures.empty:
        return str(error).splitlines()[0]
    first = failures.iloc[0]
    row = first.get("index")
    return (
        f"row {'?' if pd.isna(row) else int(row) + 1}, column {first.get('column', '?')!r}: "
        f"value {str(first.get('failure_case'))!r} breaks the rule {first.get('check')}"
    )


def write_table(frame: pd.DataFrame, path: str | Path, name: str) -> None:
    """Check `frame`, write it as TSV (missing values ``n/a``) and its dictionary as JSON."""
    path = Path(path)
    checked = check_table(frame, name, path)
    with atomic_path(path) as temporary:
        checked.to_csv(
            temporary, sep="\t", index=False, na_rep=MISSING, float_format="%.10g", lineterminator="\n"
        )
    dictionary = json.dumps(load_schema(name)["columns"], indent=2, ensure_ascii=False)
    write_text(path.with_suffix(".json"), dictionary + "\n")


def read_table(path: str | Path, name: str) -> pd.DataFrame:
    """Read and check a TSV that :func:`write_table` wrote, or one of the same columns.

    Raises
    ------
    InputError
        Where the file is missing or breaks its schema.
    """
    path = Path(path)
    text, rules = read_text_table(path), load_schema(name)["columns"]
    columns = {}
    for column in text:
        kind = rules.get(column, {}).get("type", "string")
        cells = text[column].tolist()
        _check_cells(cells, kind, f"{path}, column {column!r}")
        values = [None if cell == MISSING else _VALUES[kind](cell) for cell in cells]
        columns[column] = pd.array(values, dtype=_DTYPES[kind])
    frame = pd.DataFrame(columns)
    return check_table(frame, name, path)


def read_text_table(path: str | Path) -> pd.DataFrame:
    """Read a TSV as text, every cell as it stands; row n of the frame is line n + 2 of the file.

    Raises
    ------
    InputError
        Where the file is missing, is not UTF-8 text, has no header or a column twice, or has a line with
        more or fewer cells than the header, which other readers fill or cut.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path, or run the stage that writes it.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
        lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
        header, *rows = [row for row in lines if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"not a table as UTF-8 text ({error})", "Save it as TSV in UTF-8.") from error
    if not header:
        raise InputError(path, "the table is empty", "Give it a line of columns.")
    if "\0" in text:
        raise InputError(path, "it holds a null character", "Save it as text.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            rule = f"the line has {len(row)} cells, the header {len(header)}"
            raise InputError(f"{path}, line {number}", rule, "Separate cells by one tab each.")
    for column in header:
        if header.count(column) > 1:
            raise InputError(path, f"column {column!r} occurs twice", "Keep one of the two.")
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    return pd.DataFrame(dict(zip(header, map(list, columns), strict=True)), dtype=str)


def _check_cells(cells: list[str], kind: str, where: str) -> None:
    """Raise InputError where a cell is not of its kind; Python would take 1_000 and nan, too."""
    fits = _CELLS[kind].fullmatch
    if not all(map(fits, set(cells))):
        row = next(row for row, cell in enumerate(cells) if not fits(cell))
        rule = f"value {cells[row][:40]!r} is no {kind}"
        raise InputError(f"{where}, line {row + 2}", rule, "Correct the value.")
