"""Jobs as scripts see them, made up."""

from types import SimpleNamespace


class Named(list):
    """A list with names, as the workflow engine hands files and values to scripts."""

    def __init__(self, **named):
        super().__init__()
        self._named = named
        for name, value in named.items():
            self.extend(value if isinstance(value, list) else [value])
            setattr(self, name, value)

    def items(self):
        return self._named.items()


def made_up_job(rule: str, log: str, config: dict | None = None, **parts: dict) -> SimpleNamespace:
    """Return a job; `parts` are its input, output, params and wildcards, each by name."""
    named = {part: Named(**parts.get(part, {})) for part in ("input", "output", "params", "wildcards")}
    return SimpleNamespace(rule=rule, log=[log], threads=1, config=config or {}, **named)
