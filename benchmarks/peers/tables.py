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
    """Return for each recording time, memory and units of every tool; in brackets the ratio to ours."""
    head = ["tool", *MEASURES.values(), "accepted", f"of the reference found (≥ {FOUND})", "median agreement"]
    parts = []
    for (recording, starts, threads), of in results.groupby(["recording", "starts", "threads"]):
        done = of[of["status"] == "ok"]
        ours = done[done["tool"] == OURS]
        rows = []
        for row in done.to_dict("records"):
            cells = [f"{row['tool']} {row['version']}"]
            for measure in MEASURES:
                ratio = f" ({row[measure] / ours[measure].iloc[0]:.2g})" if len(ours) else ""
                cells.append(f"{row[measure]:.0f}{ratio}")
            accepted, reference = rates(row["accepted_agreement"]), rates(row["reference_agreement"])
            found = f"{np.sum(reference >= FOUND)} of {len(reference)}"
            rows.append([*cells, str(len(accepted)), found, _median(accepted)])
        title = f"**{recording}**, {starts} starts, {threads} threads; {of['processor'].iloc[0]}\n"
        parts += [title, _table(head, rows), _without_result(of)]
    return "\n".join(part for part in parts if part)


def yield_tables(results: pd.DataFrame) -> str:
    """Return true units found / units accepted per recording and tool, and a summary per tool.

    In the rows of recordings the highest count of true units is bold.
    """
    parts = []
    for starts, of_starts in results.groupby("starts"):
        done = of_starts[of_starts["status"] == "ok"].assign(
            found=lambda t: t["reference_agreement"].map(lambda cell: np.sum(rates(cell) >= FOUND)),
            accepted=lambda t: t["accepted_agreement"].map(lambda cell: len(rates(cell))),
        )
        tools = [tool for tool in TOOLS if (done["tool"] == tool).any()]
        rows = []
        for recording, of in done.groupby("recording"):
            counts = {row.tool: f"{row.found} / {row.accepted}" for row in of.itertuples()}
            best = of["tool"][of["found"] == of["found"].max()]
            counts |= {tool: f"**{counts[tool]}**" for tool in best}
            planted = str(len(rates(of["reference_agreement"].iloc[0])))
            rows.append([str(recording), planted, *(counts.get(tool, "–") for tool in tools)])
        recordings = _table(["recording", "true units", *tools], rows)
        parts += [f"**{starts} starts**\n", recordings, _summary(done), _without_result(of_starts)]
    return "\n".join(part for part in parts if part)


def _summary(done: pd.DataFrame) -> str:
    """Return a row per tool, over the recordings that it and pictrial have been run on."""
    head = [
        "tool",
        "recordings",
        "true units found",
        "pictrial there",
        "more / as many / fewer than pictrial",
    ]
    head += ["accepted", f"share of them ≥ {FOUND}", "median agreement"]
    ours = done[done["tool"] == OURS].set_index("recording")["found"]
    rows = []
    for tool in TOOLS:
        of = done[(done["tool"] == tool) & done["recording"].isin(ours.index)].set_index("recording")
        if of.empty:
            continue
        accepted = np.concatenate([rates(cell) for cell in of["accepted_agreement"]])
        share = f"{np.mean(accepted >= FOUND):.0%}" if len(accepted) else "–"
        there = ours[of.index]
        counts = " / ".join(str(np.sum(np.sign(of["found"] - there) == sign)) for sign in (1, 0, -1))
        cells = [len(of), of["found"].sum(), there.sum(), counts, len(accepted), share, _median(accepted)]
        rows.append([f"{tool} {of['version'].iloc[0]}", *map(str, cells)])
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
