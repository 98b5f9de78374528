"""A table for readers as a page of HTML that stands alone."""

from html import escape

from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.table_layout import Heading, at_the_right, headings, is_wide, sections

_STYLE = """
body { font: 13.5px/1.45 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 90rem; }
body { padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; font-weight: 600; padding-bottom: .6rem; }
th, td { padding: .3rem .45rem; text-align: right; vertical-align: top; font-variant-numeric: tabular-nums; }
th { font-weight: 600; } td { white-space: nowrap; }
th.text, td.text { text-align: left; } td.text { white-space: normal; min-width: 9rem; }
thead th { border-bottom: 1px solid; vertical-align: bottom; } th[scope=colgroup] { text-align: center; }
th[scope=row], th[scope=rowgroup] { text-align: left; }
th[scope=row] { font-weight: 400; min-width: LABELch; } th[scope=rowgroup] { padding-top: .8rem; }
footer { font-size: .85rem; margin-top: .8rem; overflow-wrap: anywhere; } footer p { margin: .3rem 0; }
.scroll { overflow-x: auto; }
@media print {
  @page { size: A4 PAGE; margin: 12mm; }
  body { margin: 0; max-width: none; padding: 0; font-size: 8pt; }
  .scroll { overflow: visible; } tr { break-inside: avoid; } th[scope=rowgroup] { break-after: avoid; }
  th, td { padding: .2rem .3rem; } td { white-space: normal; } td.text, th[scope=row] { min-width: 0; }
}
"""


def html_page(table: ReportTable) -> str:
    """Return the page: table with its title as caption, and the notes below."""
    right = at_the_right(table)
    label = min(24, max((len(row.label) for row in table.rows), default=0))
    style = _STYLE.replace("PAGE", "landscape" if is_wide(table) else "portrait").replace("LABEL", str(label))
    head = "\n".join(f"<tr>{''.join(_heading(one, right) for one in line)}</tr>" for line in headings(table))
    notes = "\n".join(f"<p>{escape(note.text)}</p>" for note in table.notes)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(table.title)}</title>
<style>{style}</style>
</head>
<body>
<div class="scroll">
<table>
<caption>{escape(table.title)}</caption>
<thead>
{head}
</thead>
{_bodies(table, right)}
</table>
</div>
<footer>
{notes}
</footer>
</body>
</html>
"""


def _bodies(table: ReportTable, right: list[bool]) -> str:
    bodies = []
    for name, rows in sections(table):
        lines = []
        if name:
            span = len(table.columns) + 1
            lines.append(f'<tr><th scope="rowgroup" colspan="{span}">{escape(name)}</th></tr>')
        for row in rows:
            cells = "".join(
                f"<td{_kind(number)}>{escape(cell.text)}</td>"
                for number, cell in zip(right[1:], row.cells, strict=True)
            )
            lines.append(f'<tr><th scope="row">{escape(row.label)}</th>{cells}</tr>')
        bodies.append("<tbody>\n" + "\n".join(lines) + "\n</tbody>")
    return "\n".join(bodies)


def _heading(heading: Heading, right: list[bool]) -> str:
    scope = "colgroup" if heading.columns > 1 else "col"
    spans = f' colspan="{heading.columns}"' if heading.columns > 1 else ""
    spans += f' rowspan="{heading.rows}"' if heading.rows > 1 else ""
    return f'<th scope="{scope}"{spans}{_kind(right[heading.column])}>{escape(heading.text)}</th>'


def _kind(is_number: bool) -> str:
    return "" if is_number else ' class="text"'
