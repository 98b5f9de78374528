"""The quality page: what it says, what it draws, and that it stays small and the same."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter1d

from pictrial.decomposition.candidates import describe
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.tracking import TrackingSettings
from pictrial.motor_units.units import describe_units
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.model import Recording
from pictrial.recordings.quality import QualitySettings, assess_channels
from pictrial.reporting import quality_measures
from pictrial.reporting.quality_figures import REASONS, layout_of
from pictrial.reporting.quality_measures import RecordingQuality, recomputed_sources, unit_measures
from pictrial.reporting.quality_page import write_quality_page
from pictrial.reporting.quality_tables import corrections_of_trains, rejected_candidates
from pictrial.reporting.quality_verdict import kind_of, remarks
from pictrial.seeds import random_generator
from pictrial.tables import load_schema

RATE, NAME, EXTENSION = 2048.0, "sub-07_ses-2_task-ramp_run-1", 16
BARELY_SIMILAR = TrackingSettings().minimal_similarity + 0.01
GRID = np.array([(8.0 * column, 8.0 * row) for column in range(4) for row in range(8)])


def made_page(n_units: int = 6, seconds: float = 12.0, positions=GRID) -> RecordingQuality:
    """A recording of units with known potentials; their filters are the potentials turned round in time."""
    random = random_generator(5, "page")
    shapes = random.standard_normal((max(n_units, 1), len(positions), EXTENSION))
    shapes = 150 * gaussian_filter1d(shapes, 2, axis=2)
    time = np.arange(round(seconds * RATE)) / RATE
    active = (time > 1) & (time < seconds - 1)  # then units that are not separated make noise
    emg = np.where(active, 20, 3) * random.standard_normal((len(positions), len(time)))
    onsets = {}
    for number in range(n_units):
        first, last = 1.5 + 0.3 * number / max(1, n_units / 10), seconds - 1.5
        intervals = 0.1 + 0.008 * random.standard_normal(round(12 * seconds))
        times = first + np.cumsum(intervals)
        onsets[f"MU{number + 1:02d}"] = np.rint(times[times < last] * RATE).astype(np.int64)
        for onset in onsets[f"MU{number + 1:02d}"]:
            emg[:, onset : onset + EXTENSION] += shapes[number]
    torque = np.clip(20 - 4 * np.abs(time - seconds / 2), 0, None)
    emg = emg.astype(np.float32)
    names = tuple(f"EMG{number + 1:02d}" for number in range(len(emg)))
    recording = Recording(NAME, RATE, emg, names, positions, torque, "% MVC", np.empty(0), Path(NAME))
    discharges = {unit: samples + EXTENSION - 1 for unit, samples in onsets.items()}
    units = Decomposition(
        recording=NAME,
        sampling_rate=RATE,
        n_samples=emg.shape[1],
        discharges=discharges,
        sources={},
        filters=shapes[:n_units, :, ::-1].astype(np.float32),
        quality=quality(discharges),
    )
    page = RecordingQuality(
        recording=recording,
        channels=assess_channels(recording, QualitySettings()),
        torque=torque,
        units=units,
        own=dataclasses.replace(units, quality=quality(discharges, origin=NAME)),
        measures=describe_units({unit: s / RATE for unit, s in discharges.items()}, torque, RATE),
    )
    heights = {unit: source[discharges[unit]] for unit, source in sources_of(page).items()}
    return dataclasses.replace(page, units=dataclasses.replace(units, sources=heights))


def sources_of(page: RecordingQuality) -> dict[str, np.ndarray]:
    return recomputed_sources(
        page.units, condition_emg(page.recording, page.good, ConditioningSettings())[0].emg
    )


def quality(discharges: dict, silhouette: float = 0.96, **values) -> pd.DataFrame:
    """Rows of the accepted `discharges`, and one of a candidate that was not accepted."""
    row = {"reason": "", "origin": "sub-07_ses-1_task-ramp_run-1", "similarity": 0.97} | values
    rows = [describe(unit, Discharges(s, silhouette, 31.0), RATE, **row) for unit, s in discharges.items()]
    refused = Discharges(np.arange(9) * 200, 0.71, 18.0)
    return pd.DataFrame([*rows, describe("MU77", refused, RATE, "silhouette 0.710, 0.9 needed", NAME)])


@pytest.fixture(scope="module")
def page() -> RecordingQuality:
    return made_page()


@pytest.fixture
def write(tmp_path):
    def written(page: RecordingQuality) -> str:
        write_quality_page(page, tmp_path / "page.html")
        return (tmp_path / "page.html").read_text(encoding="utf-8")

    return written


class Reader(HTMLParser):
    """Collects words and attributes, and checks that tags close in order."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.words, self.attributes = [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def check_form(html: str) -> Reader:
    reader = Reader(html)
    links = [value for _, name, value in reader.attributes if name in ("href", "src", "xlink:href")]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "http" not in html
    paths = [value for tag, name, value in reader.attributes if (tag, name) == ("path", "d")]
    assert all(re.fullmatch(r"[MmlvVhHz0-9 .\-]*", path) for path in paths)
    assert "nan" not in "".join(paths)
    return reader


def test_ordinary_page(page, write):
    html = write(page)
    reader = check_form(html)
    said = " ".join(reader.words)
    assert "2048 Hz" in said
    assert "12.0 s" in said
    assert "32 of 32" in said
    assert "6 of the participant's 7" in said
    assert "Nothing stands out" in said
    for unit, samples in page.units.discharges.items():
        article = re.search(f'<article id="{unit}">(.*?)</article>', html, re.DOTALL).group(1)
        assert f"Discharges <b>{len(samples)}</b>" in article
        assert "SIL <b>0.960</b>" in article
        assert "PNR <b>31.0</b> dB" in article
        drawn = re.search(r'class="discharged"[^>]* d="([^"]*)"', article).group(1)
        assert drawn.count("h0") == len(samples)
    recruited = page.measures.set_index("unit_id").loc["MU03", "recruitment_threshold"]
    assert f"Recruited <b>{recruited:.1f}</b> % MVC" in html
    assert "MU77</td><td class=text>silhouette 0.710, 0.9 needed" in html


def test_same_input_same_bytes(page, write):
    assert write(page) == write(made_page())


@pytest.mark.parametrize("n_units", [0, 1])
def test_few_units(write, n_units):
    html = write(made_page(n_units))
    check_form(html)
    assert ("No motor unit." if n_units == 0 else "Few motor units: 1.") in html
    assert html.count("<article") == n_units


def test_no_torque_and_no_positions(write):
    bare = made_page(positions=np.full((32, 2), np.nan))
    html = write(dataclasses.replace(bare, torque=None, measures=bare.measures.iloc[:0]))
    check_form(html)
    assert "No torque: recruitment thresholds are unknown." in html
    assert "% MVC" not in html
    assert "positions unknown" in html
    assert "along fibres" not in html


def test_forty_units_stay_small(write):
    grid = np.array([(8.0 * column, 8.0 * row) for column in range(5) for row in range(13)])[1:]
    html = write(made_page(40, 20.0, grid))
    check_form(html)
    assert html.count("<article") == 40
    assert len(html.encode()) < 1_500_000


def test_sources_are_those_without_the_other_units(page):
    """Where units are silent the source is filter times EMG; nothing of one unit is seen in another."""
    emg = condition_emg(page.recording, page.good, ConditioningSettings())[0].emg
    found = recomputed_sources(page.units, emg)
    silent = slice(400, 2000)  # units are active from 1.5 s on
    for number, unit in enumerate(page.units.discharges):
        filters = page.units.filters[number]
        expected = sum(np.convolve(emg[c], filters[c])[silent] for c in range(len(emg)))
        np.testing.assert_allclose(found[unit][silent], expected, atol=1e-3 * np.abs(expected).max())
        others = [s for other, s in page.units.discharges.items() if other != unit]
        at_others = np.setdiff1d(np.concatenate(others), page.units.discharges[unit])
        height = np.median(found[unit][page.units.discharges[unit]])
        assert np.abs(np.mean(found[unit][at_others])) < 0.03 * height


def test_other_heights_are_said(page, write):
    stored = {unit: s.copy() for unit, s in page.units.sources.items()}
    stored["MU03"][4] *= 1.4
    changed = dataclasses.replace(page, units=dataclasses.replace(page.units, sources=stored))
    assert re.search(r"differ from the stored height: MU03 \([345]\d %\)\.", write(changed))
    assert "differ from the stored height" not in write(page)


def with_quality(page, **values):
    return dataclasses.replace(
        page, units=dataclasses.replace(page.units, quality=quality(page.units.discharges, **values))
    )


def with_column(page, name, value):
    table = page.units.quality.assign(**{name: value})
    return dataclasses.replace(page, units=dataclasses.replace(page.units, quality=table))


def with_channels(page, rows, **values):
    channels = page.channels.copy()
    for name, value in values.items():
        channels.loc[rows, name] = value
    return dataclasses.replace(page, channels=channels)


def with_measures(page, **values):
    return dataclasses.replace(page, measures=page.measures.assign(**values))


def with_sources(page):
    stored = {unit: np.full(len(s), 9e9, np.float32) for unit, s in page.units.discharges.items()}
    return dataclasses.replace(page, units=dataclasses.replace(page.units, sources=stored))


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (
            lambda p: with_channels(p, range(4), status="bad", reason="noisy"),
            "Many bad channels: 4 of 32 (4 noisy).",
        ),
        (
            lambda p: with_channels(p, range(32), baseline_rms=p.channels["rms"] / 2),
            "Weak EMG: its RMS is only 6.0 dB",
        ),
        (lambda p: with_channels(p, range(32), line_share=0.08), "Line interference: 8.00 % of the power"),
        (lambda p: with_quality(p, silhouette=0.91), "Close to a limit of acceptance: MU01 (SIL 0.910)"),
        (lambda p: with_quality(p, similarity=BARELY_SIMILAR), "MU01 (Similarity "),
        (lambda p: with_measures(p, n_isi_short=5), "Many intervals under 20 ms: MU01 (5 of "),
        (lambda p: with_measures(p, n_isi_long=1), "Pauses over 0.5 s in the train: MU01, MU02"),
        (lambda p: with_measures(p, n_isolated=1), "Isolated discharges at an end, not in the rate: MU01"),
        (lambda p: with_measures(p, excluded="too few"), "Too few discharges for a smoothed rate: MU01"),
        (
            lambda p: with_column(p, "probability", 0.87),
            "Less than 90 % likely to be right: MU01 (87.0 %), MU02 (",
        ),
        (
            lambda p: with_column(p, "short_intervals", 0.04),
            "Close to a limit of acceptance: MU01 (Intervals < 25 ms 4.0 %); MU02",
        ),
        (with_sources, "Stored filters and signals do not belong together: MU01"),
    ],
)
def test_what_stands_out_is_said(page, change, remark):
    sources = sources_of(page)
    assert remarks(page, sources, 0.02) == []
    found = remarks(change(page), sources, 0.02)
    assert len(found) == 1
    assert found[0].startswith(remark) or remark in found[0]


def test_blanked_samples_are_said(page):
    assert remarks(page, sources_of(page), 0.128) == [
        "Blanked: 13 % of the samples; no discharge is seen there."
    ]


def test_trains_cut_by_the_recording_and_lost_units(page):
    discharges = dict(page.units.discharges)
    discharges["MU02"] = np.append(discharges["MU02"], page.recording.n_samples - 5)
    lost = pd.concat([page.units.quality, *[page.units.quality.iloc[[-1]]] * 3])
    units = dataclasses.replace(page.units, discharges=discharges, sources={}, quality=lost)
    found = remarks(dataclasses.replace(page, units=units), sources_of(page), 0.0)
    assert found == [
        "Many motor units of the participant are not seen here: 4 of 10.",
        "Active within 0.5 s of an end of the recording: MU02.",
    ]


def test_bad_channels_are_marked_with_their_reason(page, write):
    html = write(with_channels(page, [5], status="bad", reason="saturated"))
    check_form(html)
    assert ">S</text>" in html
    assert "EMG06</td><td class=text>saturated</td>" in html
    assert "saturated: too many samples at its own extremes" in html
    assert html.count("✕</text>") == len(page.units.discharges)


def test_every_reason_has_a_letter():
    assert set(REASONS) == set(load_schema("quality_channels")["columns"]["reason"]["Levels"])
    assert len(set(REASONS.values())) == len(REASONS)


def test_a_new_numeric_column_is_shown(page, write, monkeypatch):
    schema = load_schema("quality_units")
    schema["columns"]["novelty"] = {
        "type": "number",
        "Units": "%",
        "Description": "Something new",
    }
    loaded = {"quality_units": schema, "quality_channels": load_schema("quality_channels")}
    monkeypatch.setattr(quality_measures, "load_schema", loaded.__getitem__)
    changed = dataclasses.replace(
        page, units=dataclasses.replace(page.units, quality=page.units.quality.assign(novelty=0.875))
    )
    assert unit_measures(changed)["MU04"]["novelty"] == 0.875
    monkeypatch.setattr("pictrial.reporting.quality_tables.load_schema", loaded.__getitem__)
    html = write(changed)
    assert html.count("novelty <b>0.875</b> %") == 6
    assert "<th>novelty<br>(%)</th>" in html


def test_edits_and_corrections_are_shown(page, write):
    corrections = pd.DataFrame(
        {"unit_id": "MU01", "onset": [3.25, 4.5], "operation": "remove", "reason": "<late> & alone"}
    )
    table = corrections_of_trains(corrections.assign(reason=["after 5 ms", "after 6.5 ms"]))
    assert "after … ms</td><td class=text>3.250, 4.500</td><td>2</td>" in table
    edits = pd.DataFrame({"recording": [NAME], "unit_id": ["MU02"], "n_edits": [4], "reason": [None]})
    html = write(dataclasses.replace(page, corrections=corrections, edits=edits))
    check_form(html)
    assert "&lt;late&gt; &amp; alone</td><td class=text>3.250, 4.500</td><td>2</td>" in html
    assert "<td class=text>MU02</td><td class=text>–</td><td>4</td>" in html
    assert "Corrections by rule, and unusual discharges kept (2)" in html
    assert "Manual edits" not in write(page)


def test_rejected_candidates_are_counted_by_reason(page):
    rows = page.own.quality.iloc[[-1] * 3].assign(
        reason=[
            "silhouette 0.85, 0.9 needed",
            "duplicate of MU03 in this recording",
            "silhouette 0.8, 0.9 needed",
        ],
        silhouette=[0.85, 0.97, 0.8],
    )
    table = rejected_candidates(dataclasses.replace(page, own=dataclasses.replace(page.own, quality=rows)))
    assert "silhouette, 0.9 needed</td><td>2</td><td>9</td><td>0.800 to 0.850</td>" in table
    assert "duplicate of another in this recording</td><td>1</td>" in table


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (
            "12 discharges, 20 needed; silhouette 0.852, 0.9 needed",
            "discharges, 20 needed; silhouette, 0.9 needed",
        ),
        ("12% of intervals below 25 ms, 5% allowed", "of intervals below 25 ms, 5% allowed"),
        ("similarity of potentials -0.12, 0.8 needed", "similarity of potentials, 0.8 needed"),
        ("no discharges", "no discharges"),
    ],
)
def test_kinds_of_reasons(reason, kind):
    assert kind_of(reason) == kind


def test_layout():
    known = layout_of(GRID)
    assert known.known
    assert known.counts().tolist() == [4, 8]
    row = layout_of(np.column_stack([np.arange(6) * 5.0, np.zeros(6)]))
    assert row.counts().tolist() == [6, 1]
    for positions in (np.full((6, 2), np.nan), np.zeros((6, 2))):
        listed = layout_of(positions)
        assert not listed.known
        assert listed.counts().tolist() == [3, 2]
        assert listed.places.tolist() == [[0, 0], [1, 0], [2, 0], [0, -1], [1, -1], [2, -1]]


def test_caption_of_the_report():
    from docutils.core import publish_parts
    from jinja2 import Environment

    caption = Path(__file__).resolve().parents[2] / "workflow" / "report" / "quality.rst"
    wildcards = SimpleNamespace(participant="07", session="2")
    text = (
        Environment().from_string(caption.read_text()).render(snakemake=SimpleNamespace(wildcards=wildcards))
    )
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "participant 07, session 2" in body
