"""The site: what is in it, and that a number can be followed to its recording in a browser."""

import importlib.util
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import html5lib
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.files import sha256
from pictrial.recordings.recording_files import recording_files
from pictrial.reporting import site_pages
from pictrial.reporting.numbers import MINUS
from pictrial.reporting.shown import Shown
from pictrial.reporting.site import SiteContent, by_session, write_site
from pictrial.reporting.site_data import outcome_data, packed, written_results
from pictrial.reporting.site_pages import flat, link_of, site_figures
from pictrial.tables import check_table

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "site_size.py"
CHROMIUM = shutil.which("chromium")
CONTRAST = "primary.delta_f.contrast.stimulation-control.estimate"


@pytest.fixture(scope="session")
def content(tmp_path_factory) -> SiteContent:
    """A trial of six people with six units, made up."""
    spec = importlib.util.spec_from_file_location("site_size", BENCHMARK)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made.made_content(tmp_path_factory.mktemp("results"), participants=6, units=6)


@pytest.fixture(scope="session")
def written(content) -> tuple[Path, pd.DataFrame]:
    folder = content.figures[0].parent / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_pages, "table_names", lambda plan: ["primary", "sensitivity"])
        return folder, write_site(content, folder)


@pytest.fixture(scope="session")
def site(written) -> Path:
    return written[0]


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def tab(browser):
    """A tab; whatever its console complains about fails the test."""
    opened, complaints = browser.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(request.url))
    yield opened
    opened.close()
    assert complaints == []


def open_page(tab, site: Path, page: str) -> None:
    tab.goto("about:blank")
    tab.goto(f"{site.as_uri()}/{page}")
    filled(tab)


def filled(tab) -> None:
    tab.wait_for_selector("main:not(:has([aria-busy]))", state="attached")


class Links(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {given["id"]} if "id" in given else set()
        self.links += [given[key] for key in ("href", "src") if key in given]


def test_every_page_is_valid_and_its_links_resolve(site):
    pages = {path.name: Links(path.read_text()) for path in site.glob("*.html")}
    assert len(pages) == 11
    for name, page in pages.items():
        html5lib.HTMLParser(strict=True).parse((site / name).read_text())
        for link in page.links:
            assert not re.match(r"https?:|//", link), "the site needs no network"
            file, _, anchor = link.partition("#")
            if link.startswith("data:"):
                continue
            if file.startswith("../statistics/") or file.startswith("../analysis/"):
                continue  # tables of the results, which the made-up trial does not write
            assert (site / (file or name)).is_file(), f"{name}: {link}"
            if file in ("", "methods.html") and anchor:
                assert anchor in pages[file or name].names


def test_every_number_of_a_table_leads_to_rows_that_exist(site, content):
    ids = set(content.tables["ard"]["ard_id"])
    links = Links((site / "index.html").read_text()).links
    wanted = [unquote(link.split("#")[1]).split("|") for link in links if link.startswith("number.html#")]
    assert len(wanted) > 20
    assert {one for several in wanted for one in several} <= ids
    assert [
        CONTRAST,
        CONTRAST.replace("estimate", "ci_lower"),
        CONTRAST.replace("estimate", "ci_upper"),
    ] in wanted


def test_numbers_shown_name_their_rows(written, content):
    shown = check_table(written[1], "numbers_shown", "site")
    of_list = shown[shown["document"] == "site/numbers"]
    assert of_list["source"].tolist() == content.tables["ard"]["ard_id"].tolist()
    row = content.tables["ard"].set_index("ard_id").loc[CONTRAST]
    text = of_list.set_index("source").loc[CONTRAST, "text"]
    assert text == f"{MINUS}{abs(row['value']):.2f}"
    assert {"site/index", "site/outcomes"} <= set(shown["document"])


def test_same_bytes_twice_and_nothing_left_over(content, site, monkeypatch):
    monkeypatch.setattr(site_pages, "table_names", lambda plan: ["primary", "sensitivity"])
    before = {path.relative_to(site): sha256(path) for path in site.rglob("*") if path.is_file()}
    (site / "stale.html").write_text("")
    write_site(content, site)
    assert {path.relative_to(site): sha256(path) for path in site.rglob("*") if path.is_file()} == before
    assert not list(site.parent.glob(".*site"))


def test_a_site_that_fails_leaves_the_old_one(content, site, monkeypatch):
    def broken(*given):
        raise ValueError

    monkeypatch.setattr(site_pages, "table_names", lambda plan: [])
    monkeypatch.setattr("pictrial.reporting.site.session_data", broken)
    before = (site / "index.html").read_bytes()
    with pytest.raises(ValueError):
        write_site(content, site)
    assert (site / "index.html").read_bytes() == before
    assert not list(site.parent.glob(".*site"))


def test_what_is_planted_is_not_shown(site):
    methods = (site / "methods.html").read_text()
    assert "tracking.method" in methods
    assert "planted" not in methods


def test_rows_outside_a_population_say_so(content):
    plan, outcomes = content.plan, content.tables["outcomes"].copy()
    outcomes["left_out_for"] = outcomes["left_out_for"].astype("string")
    outcomes.loc[0, "left_out_for"] = "protocol_deviation"
    columns = outcome_data(plan, outcomes, "delta_f")["columns"]
    shown = {name: columns[name]["levels"][columns[name]["codes"][0]] for name in columns}
    assert (shown["in per_protocol"], shown["in all_units"]) == ("no", "yes")


def test_texts_of_tables_are_those_of_the_number_module():
    frame = pd.DataFrame({"participant": ["01", "01"], "session": [None, "2"]})
    frame = frame.assign(stage="recordings", what="channel", item="EMG01", reason="noisy", count=[1, 2])
    columns = packed(frame, "exclusions")["columns"]
    assert columns["session"]["levels"] == ["–", "2"]
    assert columns["count"]["codes"] == [0, 1]
    assert columns["reason"]["levels"] == ["noisy"]


def test_p_is_exact_and_counts_are_whole(content):
    ard = content.tables["ard"].set_index("ard_id")
    texts = {shown.sources[0]: shown.text for shown in written_results(content.plan, ard.reset_index())}
    p = CONTRAST.replace("estimate", "p")
    assert float(ard.loc[p, "value"]) < 1e-4
    assert " × 10⁻" in texts[p]
    assert texts["descriptive.delta_f.condition.control.n_participants"] == "6"


def test_links_of_sources():
    assert link_of(Shown("1 (2)", ("a.b", "c - d"))) == "number.html#a.b|c%20-%20d"
    assert link_of(Shown("6", ("a.b#n_units", "code:a.b#warning"))) == "number.html#a.b"
    assert link_of(Shown("0.7", ("config:x.y",))) == "methods.html"
    assert link_of(Shown("word")) == ""


def test_settings_are_listed_one_by_one():
    nested = {"a": {"b": [1, 2], "c": None}, "d": [{"e": 1}], "f": {}}
    assert flat(nested) == [("a.b", "1, 2"), ("a.c", "none"), ("d.1.e", "1"), ("f", "none")]


def test_figures_find_their_page_and_captions_their_marks(tmp_path):
    for name in ("flow_participants", "delta_f"):
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    (tmp_path / "delta_f.rst").write_text("**ΔF <b>.** n = 6,\n36 units.\n\nd\\_total\n")
    pages = site_figures(sorted(tmp_path.glob("*.svg")))
    assert [figure.name for figure in pages["flow"]] == ["flow_participants.svg"]
    only = pages["outcomes"][0]
    assert only.caption == "<p><b>ΔF &lt;b&gt;.</b> n = 6, 36 units.</p><p>d_total</p>"
    assert only.alternative == "ΔF <b>. n = 6, 36 units."


def test_files_find_their_session():
    paths = ["x/sub-02/ses-1/a.html", "vibstim/sub-02/ses-1_vibstim.svg", "sub-01_ses-2_events.tsv"]
    found = by_session(paths)
    assert {key: [path.name for path in several] for key, several in found.items()} == {
        ("02", "1"): ["a.html", "ses-1_vibstim.svg"],
        ("01", "2"): ["sub-01_ses-2_events.tsv"],
    }
    with pytest.raises(InputError, match="no sub- and ses-"):
        by_session(["else.tsv"])


def test_recordings_and_their_hashes(tmp_path):
    path = tmp_path / "sub-02_ses-1_task-ramp_run-1_emg.bdf"
    path.write_bytes(b"abc")
    row = recording_files([path]).iloc[0]
    assert row["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (row["participant"], row["session"], row["task"], row["size"]) == ("02", "1", "ramp", 3)
    with pytest.raises(InputError, match="no sub-, ses- and task-"):
        recording_files([tmp_path / "else.bdf"])
    with pytest.raises(InputError, match="no such file"):
        recording_files([tmp_path / "sub-02_ses-2_task-ramp_run-1_emg.bdf"])


def test_a_number_is_followed_to_its_recording_by_clicks(tab, site, content):
    open_page(tab, site, "index.html")
    tab.click(f'a.number[href*="{CONTRAST}|"]')
    filled(tab)
    assert tab.inner_text("article:first-of-type .big").startswith(MINUS)
    assert CONTRAST in tab.inner_text("main")
    tab.click("text=primary: model record and analysis rows")
    filled(tab)
    text = tab.inner_text("main")
    assert "kenward-roger" in text.lower() and "formula" in text and "variances" in text
    tab.select_option('select[data-filter="participant"]', "002")
    tab.click('tbody a[href^="unit.html#002/1/"]')
    filled(tab)
    text = tab.inner_text("main")
    assert "Pairs: as test unit, by control" in text and "Recruitment gap (s)" in text
    assert tab.locator("svg.plot circle.other").count() > 100
    assert tab.locator(".fail").count() > 0
    tab.click("button:has-text('Draw') >> nth=4")
    files = content.tables["recording_files"].set_index(["participant", "session"])
    assert files.loc[("002", "1"), "sha256"] in text
    tab.click("nav[aria-label=Pages] >> text=Recordings")
    tab.click('a[href="session.html#002/1"]')
    filled(tab)
    assert files.loc[("002", "1"), "file"] in tab.inner_text("main")
    assert tab.locator("svg.plot path.tick").count() == 6
    tab.click("text=Quality page")
    assert tab.title() == "Quality"


@pytest.mark.slow
def test_a_number_is_followed_to_its_recording_by_keyboard(tab, site):
    def press_until(selector: str) -> None:
        for _ in range(250):
            tab.keyboard.press("Tab")
            if tab.evaluate(f"document.activeElement.matches({selector!r})"):
                outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "focus is not seen"
                tab.keyboard.press("Enter")
                tab.wait_for_timeout(30)
                filled(tab)
                return
        raise AssertionError(f"no {selector} within reach")

    open_page(tab, site, "index.html")
    press_until("a.skip")
    assert tab.evaluate("document.activeElement.id") == "main"
    press_until(f'a.number[href*="{CONTRAST}|"]')
    press_until('dd a[href^="analysis.html"]')
    press_until('tbody a[href^="unit.html"]')
    press_until('.trail a[href^="session.html"]')
    assert re.search(r"\ba*000\d\d\b", tab.inner_text("main"))


def test_search_filter_and_sort(tab, site, content):
    open_page(tab, site, "numbers.html")
    n = len(content.tables["ard"])
    assert tab.inner_text("[role=status]") == f"Rows 1 to 100 of {n}"
    tab.click("text=Next rows")
    assert tab.inner_text("[role=status]").startswith("Rows 101 to ")
    tab.select_option('select[data-filter="statistic"]', "p")
    tab.fill("input[type=search]", "primary stimulation")
    wanted = content.tables["ard"].query("analysis == 'primary' and statistic == 'p'")
    wanted = wanted[wanted["contrast_or_level"].str.contains("stimulation")]
    assert tab.locator("tbody tr").count() == len(wanted) > 0
    tab.fill("input[type=search]", "nothing is so called")
    assert tab.inner_text("[role=status]").startswith("No row fits")
    tab.fill("input[type=search]", "")
    tab.click("thead button:has-text('Number')")
    assert tab.get_attribute("thead th:first-child", "aria-sort") == "ascending"
    found = tab.evaluate(
        "[...document.querySelectorAll('tbody th')].map(c => pictrial.numeric(c.textContent))"
    )
    assert found == sorted(found)
    open_page(tab, site, "numbers.html#analysis=participant_means")
    assert set(tab.locator("tbody tr td:nth-child(2)").all_inner_texts()) == {"Participant means"}


def test_numbers_of_the_project_are_read_for_sorting(tab, site):
    open_page(tab, site, "numbers.html")
    read = tab.evaluate("['−1.5', '1.17 × 10⁻⁵', '–', '∞', '6'].map(pictrial.numeric)")
    assert read[0] == -1.5 and read[1] == pytest.approx(1.17e-5) and read[4] == 6
    assert read[2] == float("-inf") and read[3] == float("inf")


@pytest.mark.parametrize("page", ["index", "outcomes", "flow", "recordings", "exclusions", "methods"])
def test_pages_fit_a_telephone(tab, site, page):
    tab.set_viewport_size({"width": 390, "height": 800})
    open_page(tab, site, f"{page}.html")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_unknown_things_are_said(tab, site):
    open_page(tab, site, "number.html#no.such.row")
    assert "There is no number no.such.row." in tab.inner_text("main")
    open_page(tab, site, "unit.html#002/1/unit99")
    assert "not found in this session" in tab.inner_text("main")


@pytest.mark.slow
def test_print_has_the_content_without_controls(tab, site, tmp_path):
    pypdf = pytest.importorskip("pypdf")
    open_page(tab, site, "unit.html#002/1/unit02")
    tab.pdf(path=tmp_path / "unit.pdf", prefer_css_page_size=True)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "unit.pdf").pages)
    assert "Motor unit unit02" in text and "Pairs: as test unit" in text
    assert "All numbers" not in text, "navigation is not printed"
