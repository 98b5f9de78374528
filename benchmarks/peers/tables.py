"""Results as tables in Markdown, between marks in a page."""

from pathlib import Path

import numpy as np
import pandas as pd
from peers.tools import OURS, TOOLS

from pictrial.files import write_text

FOUND = 0.9  # rate of agreement from which a unit counts as found
MEASURES = {
    "wall_total": "process, s",
    "wall_decompose": "decomposition, s",
    "cpu_time": "processor, s",
    "peak_memory": "memory, MiB",
}


def rates(cell: object) -> np.ndarray:
    """Return the rates of agreement that a cell of the results lists."""
    return np.array([float(rate) for rate in cell.split()]) if isinstance(cell, str) else np.empty(0)


def render(page: Path, results: dict[str, pd.DataFrame]) -> None:
    """Write the tables of `results` (``time`` and ``yield``) between the marks of `page`."""
    text = page.read_text(encoding="utf-8")
    tables = {"time": time_tables(results["time"]), "yield": yield_tables(results["yield"])}
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{table}{end}{rest.split(end)[1]}"
    write_text(page, text)


def time_tables(results: pd.DataFrame) -> str:
    """Return for each recording time, memory and units of every run; in brackets the ratio to our default."""
    head = ["tool", "starts", *MEASURES.values(), "accepted", f"of the reference found (≥ {FOUND})"]
    head += ["median agreement"]
    parts = []
    for (recording, threads), of in results.groupby(["recording", "threads"]):
        done = of[of["status"] == "ok"]
        ours = _our_default(done)
        rows = []
        for row in done.to_dict("records"):
            cells = [f"{row['tool']} {row['version']}", str(row["starts"])]
            for measure in MEASURES:
                ratio = f" ({row[measure] / ours[measure].iloc[0]:.2g})" if len(ours) else ""
                cells.append(f"{row[measure]:.1f}{ratio}")
            accepted, reference = rates(row["accepted_agreement"]), rates(row["reference_agreement"])
            found = f"{np.sum(reference >= FOUND)} of {len(reference)}"
            rows.append([*cells, str(len(accepted)), found, _median(accepted)])
        title = f"**{recording}**, {threads} threads; {of['processor'].iloc[0]}\n"
        parts += [title, _table(head, rows), _without_result(of)]
    return "\n".join(part for part in parts if part)


def yield_tables(results: pd.DataFrame) -> str:
    """Return true units found / units accepted per recording and run of a tool, and a summary.

    In the rows of recordings the highest count of true units is bold.
    """
    done = results[results["status"] == "ok"].assign(
        run=lambda t: t["tool"] + ", " + t["starts"].astype(str),
        found=lambda t: t["reference_agreement"].map(lambda cell: np.sum(rates(cell) >= FOUND)),
        accepted=lambda t: t["accepted_agreement"].map(lambda cell: len(rates(cell))),
    )
    runs = [run for tool in TOOLS for run in done["run"][done["tool"] == tool].unique()]
    rows = []
    for recording, of in done.groupby("recording"):
        counts = {row.run: f"{row.found} / {row.accepted}" for row in of.itertuples()}
        best = of["run"][of["found"] == of["found"].max()]
        counts |= {run: f"**{counts[run]}**" for run in best}
        planted = str(len(rates(of["reference_agreement"].iloc[0])))
        rows.append([str(recording), planted, *(counts.get(run, "–") for run in runs)])
    recordings = _table(["recording", "true units", *runs], rows) if rows else ""
    parts = [recordings, _summary(done, runs) if rows else "", _without_result(results)]
    return "\n".join(part for part in parts if part)


def _our_default(done: pd.DataFrame) -> pd.DataFrame:
    """Return our runs with the most starts, which is our default."""
    ours = done[done["tool"] == OURS]
    return ours[ours["starts"] == ours["starts"].max()]


def _summary(done: pd.DataFrame, runs: list[str]) -> str:
    """Return a row per run of a tool, over the recordings that pictrial's default has been run on, too."""
    head = ["tool, starts", "recordings", "true units found", "pictrial's default there"]
    head += ["more / as many / fewer than that", "accepted", f"share of them ≥ {FOUND}", "median agreement"]
    ours = _our_default(done).set_index("recording")["found"]
    rows = []
    for run in runs:
        of = done[(done["run"] == run) & done["recording"].isin(ours.index)].set_index("recording")
        if of.empty:
            continue
        accepted = np.concatenate([rates(cell) for cell in of["accepted_agreement"]])
        share = f"{np.mean(accepted >= FOUND):.0%}" if len(accepted) else "–"
        there = ours[of.index]
        counts = " / ".join(str(np.sum(np.sign(of["found"] - there) == sign)) for sign in (1, 0, -1))
        cells = [len(of), of["found"].sum(), there.sum(), counts, len(accepted), share, _median(accepted)]
        rows.append([run, *map(str, cells)])
    return _table(head, rows)


def _median(values: np.ndarray) -> str:
    return f"{np.median(values):.2f}" if len(values) else "–"


def _without_result(results: pd.DataFrame) -> str:
    """Return a list of the runs that gave no result, with their reasons."""
    failed = results[results["status"] != "ok"]
    lines = [
        f"- {tool}: {reason} ({len(of)} {'recording' if len(of) == 1 else 'recordings'})"
        for (tool, reason), of in failed.groupby(["tool", "status"])
    ]
    return "\n".join(["Without a result:", "", *lines, ""]) if lines else ""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
