"""A page for each recording, from which an experienced eye judges its signals and motor units."""

from html import escape
from pathlib import Path

import numpy as np

from pictrial.decomposition.potentials import spike_triggered_average
from pictrial.files import write_text
from pictrial.motor_units.discharge_trains import SmoothedRate, instantaneous_rate
from pictrial.motor_units.smoothing import smooth_units
from pictrial.recordings.conditioning import condition_emg
from pictrial.recordings.model import Recording
from pictrial.reporting.numbers import MISSING, count, decimal
from pictrial.reporting.quality_figures import draw_channels, draw_contraction, draw_raster, draw_spectrum
from pictrial.reporting.quality_measures import (
    HEIGHT_DIFFERENCE,
    RecordingQuality,
    height_differences,
    recomputed_sources,
    signal_to_rest,
)
from pictrial.reporting.quality_style import STYLE
from pictrial.reporting.quality_tables import (
    channel_tables,
    corrections_of_trains,
    definitions,
    edits_of_trains,
    rejected_candidates,
    unit_numbers,
    unit_table,
    units_not_seen,
)
from pictrial.reporting.quality_unit_figure import UnitView, draw_unit
from pictrial.reporting.quality_verdict import reasons_of, remarks


def write_quality_page(page: RecordingQuality, path: str | Path) -> list[str]:
    """Write the page of a recording as HTML that needs nothing but itself, the same bytes for the same input.

    Returns
    -------
    list of str
        What to look at first, as the page says it.
    """
    conditioned, blanked = condition_emg(page.recording, page.good, page.settings.conditioning)
    sources = recomputed_sources(page.units, conditioned.emg)
    first = remarks(page, sources, blanked)
    name = escape(page.recording.name)
    times = {unit: s / page.recording.sampling_rate for unit, s in page.units.discharges.items()}
    order = sorted(times, key=lambda unit: times[unit][0])
    body = [
        f"<h1>{name}</h1>",
        _header(page, conditioned, blanked),
        _first(first),
        _signals(page, conditioned),
        f"<section><h2>Contraction</h2>{draw_contraction(conditioned, page.good, page.torque)}</section>",
        _units(page, times, order),
        *_each_unit(page, conditioned, sources, times, order),
        _left_out(page),
    ]
    head = f'<meta charset="utf-8">\n<title>{name}: quality</title>\n<style>{STYLE}</style>'
    html = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n'
    write_text(path, html + "\n".join(body) + "\n</body>\n</html>\n")
    return first


def _header(page: RecordingQuality, conditioned: Recording, blanked: float) -> str:
    recording, settings = page.recording, page.settings
    facts = {
        "Sampling rate": f"{recording.sampling_rate:g} Hz",
        "Duration": f"{decimal(recording.duration, 1)} s",
        "Good channels": f"{page.good.sum()} of {len(page.channels)}",
        "Bad channels": reasons_of(page.bad_channels) or "none",
        "EMG over rest": f"{decimal(signal_to_rest(page.channels), 1)} dB",
        "Blanked": f"{decimal(100 * blanked, 1)} %, {count(len(conditioned.stimulation), 'pulse')}",
        "Peak torque": MISSING if page.torque is None else f"{decimal(float(page.torque.max()), 1)} % MVC",
        "Motor units": f"{len(page.units.discharges)} of the participant's {len(page.units.quality)}",
    }
    conditioning, accepted, limits = settings.conditioning, settings.decomposition, settings.rates.limits
    line = f"about {conditioning.line_frequency:g} Hz removed" if conditioning.line_frequency else "left in"
    used = [
        f"EMG {conditioning.band_low:g} to {conditioning.band_high:g} Hz, mains {line}, "
        f"stimulation artefacts: {conditioning.artefact}",
        f"units accepted from SIL {accepted.minimal_silhouette:g} and {accepted.minimal_discharges} "
        f"discharges, with up to {100 * accepted.maximal_short_intervals:g} % of intervals below 25 ms "
        f"and a probability of {100 * accepted.minimal_probability:g} % or more",
        f"tracked from a similarity of {settings.tracking.minimal_similarity:g}",
        f"rates from intervals of {1000 * limits.isi_min:g} to {1000 * limits.isi_max:g} ms, "
        f"smoother {settings.rates.smoother}",
    ]
    cells = "".join(f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items())
    return f'<dl class="facts">{cells}</dl>\n<p class="note">Settings: {escape("; ".join(used))}.</p>'


def _first(first: list[str]) -> str:
    items = (
        "".join(f"<li>{escape(line)}</li>" for line in first) or "<li>Nothing stands out in the numbers.</li>"
    )
    return f'<section class="first{"" if first else " fine"}"><h2>Look first</h2><ul>{items}</ul></section>'


def _signals(page: RecordingQuality, conditioned: Recording) -> str:
    from scipy.signal import welch

    rate, good = page.recording.sampling_rate, page.good
    length = min(round(rate), page.recording.n_samples)  # 1 Hz
    frequencies, raw = welch(page.recording.emg[good], rate, nperseg=length, noverlap=0)
    clean = welch(conditioned.emg[good], rate, nperseg=length, noverlap=0)[1]
    spectrum = draw_spectrum(frequencies, raw, clean, page.settings.conditioning.line_frequency)
    return (
        '<section class="signals"><div><h2>Channels</h2><p class="note">RMS (µV); a letter: bad channel</p>'
        f"{draw_channels(page.recording.positions, page.channels)}</div>"
        f'<div><h2>Spectrum</h2><p class="note">Good channels, median and 5–95 %</p>{spectrum}</div>'
        f"<div>{channel_tables(page)}</div></section>"
    )


def _units(page: RecordingQuality, times: dict[str, np.ndarray], order: list[str]) -> str:
    raster = draw_raster(times, order, page.recording.duration, page.torque)
    table = unit_table(page, order) if order else ""
    return (
        f"<section><h2>Motor units</h2>{raster}{table}"
        '<p class="note"><b>Found here as</b> Name in this recording\'s own decomposition; a dash: only '
        f"tracking found it. {definitions()}</p></section>"
    )


def _each_unit(
    page: RecordingQuality,
    conditioned: Recording,
    sources: dict[str, np.ndarray],
    times: dict[str, np.ndarray],
    order: list[str],
) -> list[str]:
    if not order:
        return []
    rate, limits = page.recording.sampling_rate, page.settings.rates.limits
    smoothed = smooth_units(times, page.settings.rates)
    rates = np.concatenate([instantaneous_rate(np.unique(train))[1] for train in times.values()])
    usual = np.percentile(rates[rates <= 1 / limits.isi_min], 95) if len(rates) else 0.0
    highest = max(20.0, 5 * np.ceil(1.4 * usual / 5))
    parts = [
        "<section><h2>Each motor unit</h2>"
        '<p class="note">Left: its potential, the mean EMG around its discharges; the largest in orange, '
        "✕ a bad channel. Middle: its source in the EMG without the other units (1: median at the "
        "discharges), discharges in orange; its rate, "
        "orange where the interval is beyond the limits and not used, dots beyond the axis on its edge; "
        "line: smoothed rate; behind: torque. Right: intervals, the last bar holds longer ones; dashed: "
        f"limits.{_other_heights(page, sources)}</p></section>"
    ]
    for unit in order:
        samples, rate_line = page.units.discharges[unit], smoothed[unit]
        view = UnitView(
            name=unit,
            source=sources[unit],
            samples=samples,
            smoothed=rate_line if isinstance(rate_line, SmoothedRate) else None,
            potential=spike_triggered_average(conditioned.emg, samples, rate),
        )
        figure = draw_unit(view, page, highest)
        numbers = unit_numbers(page, unit)
        parts.append(f'<article id="{unit}"><h3>{unit}</h3> <p>{numbers}</p>{figure}</article>')
    return parts


def _other_heights(page: RecordingQuality, sources: dict[str, np.ndarray]) -> str:
    largest = {unit: d.max(initial=0) for unit, d in height_differences(page.units, sources).items()}
    units = [f"{unit} ({decimal(100 * d, 0)} %)" for unit, d in largest.items() if d > HEIGHT_DIFFERENCE]
    if not units:
        return ""
    return (
        " The other units are those of this page; when a unit was accepted, more or fewer may have been "
        f"taken out. At some discharge these sources differ from the stored height: {', '.join(units)}."
    )


def _left_out(page: RecordingQuality) -> str:
    parts = [
        "<h2>Left out</h2><h3>Motor units of the participant not seen here</h3>",
        units_not_seen(page),
        "<h3>Rejected candidates of this recording's own decomposition</h3>",
        rejected_candidates(page),
    ]
    for title, changes, table in (
        ("Manual edits", page.edits, edits_of_trains),
        ("Corrections by rule, and unusual discharges kept", page.corrections, corrections_of_trains),
    ):
        if changes is not None:
            parts += [f"<h3>{title} ({len(changes)})</h3>", table(changes)]
    return f"<section>{''.join(parts)}</section>"
