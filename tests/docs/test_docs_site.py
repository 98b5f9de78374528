"""The site: it is built in strict mode, needs no network, and shows every page, table, key and command."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from docs_pages import PROJECT

SETTINGS = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
REFERENCE = {f"reference/{name}.md" for name in ("outputs", "configuration", "plan", "command_line")}


@pytest.fixture(scope="module")
def builder():
    """The script docs/build_site.py as a module."""
    sys.path.insert(0, str(PROJECT / "docs"))
    spec = importlib.util.spec_from_file_location("build_site", PROJECT / "docs" / "build_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(PROJECT / "docs"))


@pytest.fixture(scope="module")
def site(builder, tmp_path_factory) -> Path:
    return builder.build_site(tmp_path_factory.mktemp("site")).parent


def navigation(entries: list) -> list[str]:
    """Return the pages of the navigation in their order."""
    found = []
    for value in (value for entry in entries for value in entry.values()):
        found += navigation(value) if isinstance(value, list) else [value]
    return found


def test_every_page_is_in_the_navigation_once():
    listed = navigation(SETTINGS["nav"])
    assert len(listed) == len(set(listed))
    assert set(listed) == REFERENCE | {path.name for path in (PROJECT / "docs").glob("*.md")}


def test_site_is_built(site):
    for page in navigation(SETTINGS["nav"]):
        assert "<h1" in (site / page).with_suffix(".html").read_text(encoding="utf-8")
    # What Markdown did not understand stays as it was typed.
    for page in site.rglob("*.html"):
        text = re.sub(r"<(pre|code|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for left in ("$$", "$`", "\n- ", "\n| ", "```"):
            assert left not in text, f"{page.name}: {text.split(left)[1][:80]!r} is not rendered"


def test_dead_links_stop_the_build(builder, tmp_path, monkeypatch):
    pages = builder.reference_pages
    monkeypatch.setattr(builder, "reference_pages", lambda project: pages(project) | {"x.md": "[a](none.md)"})
    with pytest.raises(Exception, match="zensical"):
        builder.build_site(tmp_path)


def test_search_and_pages_need_no_network(site):
    loaded = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)")
    for page in site.rglob("*.html"):
        assert not loaded.findall(page.read_text(encoding="utf-8")), page.name
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))
    titles = {
        item["title"] for item in json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    }
    assert "ΔF and the pair ledger" in titles


def test_equations_are_rendered(site):
    text = (site / "statistics.html").read_text(encoding="utf-8")
    assert text.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') >= 6
    assert re.search(r"<p><span><math.*?</math></span> takes the variances as known", text), "one paragraph"
    assert "\\mathrm" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def test_pages_are_prepared_outside_of_code_only(builder):
    page = "See [it](../Makefile) and $`x_1`$.\n\n$$\ny\n$$\n\n```bash\n[it](../Makefile) $`x`$\n```\n"
    made = builder.site_page(page)
    assert made.startswith("See it and <span><math")
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in made and '<div class="equation"><math' in made
    assert made.endswith("```bash\n[it](../Makefile) $`x`$\n```\n")


def test_dictionaries_keys_and_commands_are_complete(builder):
    from pictrial.cli import command_line

    pages = builder.reference_pages(PROJECT)
    for path in (PROJECT / "workflow" / "schemas" / "tables").glob("*.json"):
        section = pages["reference/outputs.md"].split(f"\n### {path.stem}\n")[1].split("\n### ")[0]
        columns = json.loads(path.read_text(encoding="utf-8"))["columns"]
        assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == list(columns)
    configuration = pages["reference/configuration.md"]
    assert "| `recruitment_gap` " not in configuration and "| `criteria.recruitment_gap` |" in configuration
    assert re.search(r"\| `band_low` \| number.*\| `20.0` \| .*Hz", configuration)
    assert "| `import[ ].file` | string |" in configuration
    assert "| `levels[ ].label` |" in pages["reference/plan.md"]
    for name in command_line()._subparsers._group_actions[0].choices:
        assert f"\n## {name}\n\n```text\nusage: pictrial {name} " in pages["reference/command_line.md"]
