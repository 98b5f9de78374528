"""Tables with a checked schema: each TSV has a data dictionary beside it.

The schema of a table is ``workflow/schemas/tables/<name>.json``: a title and, per column, its
``Description``, ``type`` (string, integer, number or boolean), and where they apply ``Units``,
``Levels``, ``Derivation``, ``nullable``, ``minimum`` and ``maximum``.
"""

import json
from pathlib import Path

import pandas as pd

from pictrial.errors import InputError
from pictrial.files import atomic_path, write_text

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas" / "tables"
MISSING = "n/a"
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
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path, or run the stage that writes it.")
    frame = pd.read_csv(path, sep="\t", dtype="string", na_values=[MISSING], keep_default_na=False)
    for column, rule in load_schema(name)["columns"].items():
        if rule["type"] == "boolean" and column in frame:
            frame[column] = frame[column].map({"True": True, "False": False}).astype("boolean")
    return check_table(frame, name, path)
