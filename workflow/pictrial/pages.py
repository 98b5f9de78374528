"""HTML pages from templates."""

from pathlib import Path


def render_page(template: Path, **content: object) -> str:
    """Return a page; text is escaped, and a name that the template has and `content` has not is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(**content)
