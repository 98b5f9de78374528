"""Pages of the site that are written from schemas, shipped configuration and command line."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from pictrial.cli import command_line

_ABSENT = object()


def reference_pages(project: Path) -> dict[str, str]:
    """Return the text of each page by its path in docs/."""
    return {
        "reference/outputs.md": outputs_page(project),
        "reference/configuration.md": configuration_page(project),
        "reference/plan.md": plan_page(project),
        "reference/command_line.md": command_line_page(),
    }


def outputs_page(project: Path) -> str:
    """Return the folders of a run, and the data dictionary of every table."""
    folders = (project / "results" / "README.md").read_text(encoding="utf-8")
    parts = [folders.replace("# Results", "# Outputs and their dictionaries", 1), "\n## Tables\n"]
    parts.append(
        "\nThe dictionary of every table, from `workflow/schemas/tables`. Missing values are `n/a`.\n"
    )
    for path in sorted((project / "workflow" / "schemas" / "tables").glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(f"`{name}`", _kind(rule), _meaning(rule)) for name, rule in schema["columns"].items()]
        parts.append(f"\n### {path.stem}\n\n{schema['title']}.\n\n{_row('column', 'values', 'what it is')}")
        parts.append("|---|---|---|\n" + "".join(rows))
    return "".join(parts)


def _kind(rule: dict) -> str:
    """Return type, unit and range of a column or key."""
    kind = rule.get("type", "")
    parts = ["/".join(kind) if isinstance(kind, list) else kind.replace("object", "section")]
    parts += [rule["Units"]] if "Units" in rule else []
    parts += [f"{word} {rule[key]:g}" for key, word in _LIMITS.items() if key in rule]
    parts += ["may be missing"] if rule.get("nullable") else []
    return ", ".join(part for part in parts if part)


_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _meaning(rule: dict) -> str:
    text = rule["Description"]
    if "Levels" in rule:
        levels = rule["Levels"]
        named = levels.items() if isinstance(levels, dict) else ((level, "") for level in levels)
        text += ". Levels: " + "; ".join(f"`{level}` {meaning}".strip() for level, meaning in named)
    return text + (f". Derived: `{rule['Derivation']}`" if "Derivation" in rule else "")


def configuration_page(project: Path) -> str:
    """Return every key of config.yaml, with the value of the sample trial."""
    schema = _read(project / "workflow" / "schemas" / "config.schema.json")
    shipped = yaml.safe_load((project / "config" / "config.yaml").read_text(encoding="utf-8"))
    text = (
        "# Configuration\n\nEvery key of `config.yaml`, from `workflow/schemas/config.schema.json`. "
        "Unknown keys are refused. The values are those of the sample trial, `config/config.yaml`; a stage "
        "that is left out uses them as its defaults. `<name>` stands for a name of the plan or a label.\n"
    )
    general = {key: rule for key, rule in schema["properties"].items() if "properties" not in rule}
    parts = [text, "\n## General\n\n", _keys({"properties": general}, schema, shipped)]
    for key in [key for key in schema["properties"] if key not in general]:
        parts.append(_section(key, schema["properties"][key], schema, shipped.get(key, _ABSENT)))
    return "".join(parts)


def plan_page(project: Path) -> str:
    """Return every key of trial.yaml."""
    schema = _read(project / "workflow" / "schemas" / "trial.schema.json")
    text = (
        "# Keys of the plan\n\nEvery key of `trial.yaml`, from `workflow/schemas/trial.schema.json`. "
        "What they mean together is in [the plan file](../trial.md). `<name>` stands for a name that the "
        "plan gives, `[ ]` for each entry of a list.\n"
    )
    return text + "".join(_section(key, rule, schema) for key, rule in schema["properties"].items())


def _section(key: str, rule: dict, schema: dict, shipped: object = _ABSENT) -> str:
    description = f"{rule['description']}.\n\n" if "description" in rule else ""
    return f"\n## {key}\n\n{description}" + _keys(rule, schema, shipped)


def _keys(rule: dict, schema: dict, shipped: object = _ABSENT) -> str:
    with_values = shipped is not _ABSENT
    heads = ["key", "values", *(["sample trial"] if with_values else []), "what it is"]
    lines = [_row(*heads), "|---" * len(heads) + "|\n"]
    for path, key in _walk(rule, schema):
        value = _value(shipped, path)
        shown = "" if value is _ABSENT else f"`{_written(value)}`"
        meaning = key.get("description", "")
        lines.append(_row(f"`{path}`", _allowed(key), *([shown] if with_values else []), meaning))
    return "".join(lines)


def _walk(rule: dict, schema: dict, above: str = "") -> Iterator[tuple[str, dict]]:
    """Yield path and rule of every key below `rule`."""
    chosen = [("<name>", value) for value in rule.get("patternProperties", {}).values()]
    for name, entry in [*rule.get("properties", {}).items(), *chosen]:
        key = _resolved(entry, schema)
        path = f"{above}.{name}" if above else name
        if key.get("type") == "array":
            items = _resolved(key.get("items", {}), schema)
            yield path, key | {"items": items}
            yield from _walk(items, schema, f"{path}[ ]")
        else:
            yield path, key
            yield from _walk(key, schema, path)


def _resolved(rule: dict, schema: dict) -> dict:
    if "$ref" not in rule:
        return rule
    return schema["$defs"][rule["$ref"].rsplit("/", 1)[1]] | {k: v for k, v in rule.items() if k != "$ref"}


def _allowed(key: dict) -> str:
    if "enum" in key:
        return ", ".join(f"`{_written(value)}`" for value in key["enum"])
    if "const" in key:
        return f"`{key['const']}`"
    if key.get("type") == "array":
        items = _allowed(key.get("items", {}))
        return f"list of {items}" if items else "list"
    return _kind({name: value for name, value in key.items() if name != "nullable"})


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(shipped: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(shipped, dict) or name not in shipped:
            return _ABSENT
        shipped = shipped[name]
    return _ABSENT if isinstance(shipped, dict) else shipped


def command_line_page() -> str:
    """Return the help of `pictrial` and of each of its commands."""
    parser = command_line()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = ["# Command line\n\nThe command is `.venv/bin/pictrial`.\n\n", _help(parser)]
    parts += [f"\n## {name}\n\n{_help(command)}" for name, command in commands.choices.items()]
    return "".join(parts)


def _help(parser: argparse.ArgumentParser) -> str:
    return f"```text\n{parser.format_help()}```\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
