"""Links, anchors, paths and keys that the docs name exist."""

import json
import re
from functools import cache
from pathlib import Path

import yaml
from docs_pages import PAGES, PROJECT, blocks, code_spans, every_page, prose, text_of

#: Files and folders that a path in backticks may begin with.
TRACKED = ("benchmarks", "config", "docs", "notebooks", "qc", "tests", "workflow", ".ci")
#: Results have folders of these names, too; there are the files with these endings.
IN_RESULTS = re.compile(r"(notebooks|qc)/.*\.(html|tsv|txt)")
SCHEMAS = [
    json.loads((PROJECT / "workflow" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("config", "trial")
]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        numbered = (f"{slug}-{n}" for n in range(1, 100))
        found.add(next(name for name in [slug, *numbered] if name not in found))
    return found


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        assert goal.exists(), f"{page.name}: there is no {target}"
        assert not anchor or anchor in anchors(goal), f"{page.name}: there is no heading {target}"


@cache
def file_names() -> frozenset[str]:
    return frozenset(path.name for folder in TRACKED for path in (PROJECT / folder).rglob("*"))


@every_page
def test_paths_of_the_project_exist(page):
    for span in code_spans(page):
        if (
            re.fullmatch(r"[\w.*{},/-]+", span)
            and span.split("/")[0] in TRACKED
            and not IN_RESULTS.match(span)
        ):
            for path in spelled_out(span):
                assert list(PROJECT.glob(path.rstrip("/"))) or "my_trial" in path, f"there is no {span}"
        elif re.fullmatch(r"\w+\.(py|smk)", span):
            assert span in file_names(), f"there is no file {span}"


def spelled_out(path: str) -> list[str]:
    """Return the paths that `a/{b,c}.py` stands for."""
    found = re.search(r"\{([^}]*)\}", path)
    if not found:
        return [path]
    return [
        text for part in found[1].split(",") for text in spelled_out(path.replace(found[0], part.strip(), 1))
    ]


def key_tree(schema: dict, rule: dict) -> dict:
    """Return the keys below a rule of a schema, names that users choose as `*`."""
    if "$ref" in rule:
        rule = schema["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    below = {name: key_tree(schema, value) for name, value in rule.get("properties", {}).items()}
    for value in rule.get("patternProperties", {}).values():
        below["*"] = key_tree(schema, value)
    return below | (key_tree(schema, rule["items"]) if isinstance(rule.get("items"), dict) else {})


TREES = [key_tree(schema, schema) for schema in SCHEMAS]


def all_keys(tree: dict) -> set[str]:
    return set(tree) | {key for below in tree.values() for key in all_keys(below)}


KEYS = set.union(*map(all_keys, TREES))
#: Keys of Snakemake's profiles, which pages show as well.
PROFILES = {"default-resources", "set-resources"}.union(
    *(yaml.safe_load(path.read_text()) for path in (PROJECT / "workflow" / "profiles").glob("*/config.yaml"))
)
#: Values of the key `measure` look like keys.
MEASURES = {
    outcome["measure"]
    for plan in (PROJECT / "config").rglob("trial.yaml")
    for outcome in yaml.safe_load(plan.read_text(encoding="utf-8"))["outcomes"].values()
}


def leads_somewhere(path: list[str], tree: dict) -> bool:
    if not path:
        return True
    below = tree.get(path[0], tree.get("*"))
    return below is not None and leads_somewhere(path[1:], below)


@every_page
def test_keys_of_the_configuration_exist(page):
    sections = set(TREES[0]) | set(TREES[1])
    for span in code_spans(page):
        path = span.split(".")
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", span) and path[0] in sections and path[-1] not in SUFFIXES:
            assert span in MEASURES or any(leads_somewhere(path, tree) for tree in TREES), (
                f"there is no key {span}"
            )
        elif re.fullmatch(r"[a-z_]+: [\w.-]+", span):
            assert span.split(":")[0] in KEYS | PROFILES, f"there is no key {span.split(':')[0]}"


#: After a dot these are files or modules, not keys.
SUFFIXES = {"py", "tsv", "json", "md", "smk", "yaml", "png"}


@every_page
def test_keys_of_yaml_blocks_exist(page):
    for content in [yaml.safe_load(block) for language, block in blocks(page) if language == "yaml"]:
        assert set(content) <= set(TREES[0]) | set(TREES[1]) | PROFILES, content
        for section, below in content.items():
            for tree in [tree for tree in TREES if section in tree]:
                for key in below if isinstance(below, dict) else ():
                    assert leads_somewhere([section, key], tree), f"there is no key {section}.{key}"


def test_settings_named_in_tables_are_keys():
    """Tables of the methods name each setting with its default."""
    named = 0
    for page in PAGES:
        for default in re.findall(r"\| `([a-z_]+)` \([^)|]+\) \|$", text_of(page), re.MULTILINE):
            named += 1
            assert default in KEYS, f"{page.name}: there is no key {default}"
    assert named > 10


def test_the_checks_can_fail():
    assert not any(leads_somewhere(["motor_units", "criteria", "recruitment_gab"], tree) for tree in TREES)
    assert any(leads_somewhere(["motor_units", "criteria", "recruitment_gap"], tree) for tree in TREES)
    assert "analysis-results-data-ard" in anchors(PROJECT / "docs" / "statistics.md")
    assert spelled_out("a/{b,c}.py") == ["a/b.py", "a/c.py"]
