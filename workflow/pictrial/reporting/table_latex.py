"""A table for readers as a LaTeX document that compiles by itself (booktabs, longtable)."""

from pictrial.errors import InputError
from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.table_layout import (
    Heading,
    at_the_right,
    column_shares,
    headings,
    is_wide,
    sections,
    unbroken,
)

_COMMANDS = {
    "\\": r"\ensuremath{\backslash}",
    "~": r"\ensuremath{\sim}",
    "^": r"\textasciicircum{}",
    "|": r"\ensuremath{|}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    '"': "''",
    **{character: f"\\{character}" for character in "&%$#_"},
    "{": r"\ensuremath{\{}",
    "}": r"\ensuremath{\}}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≈": r"\ensuremath{\approx}",
    "≠": r"\ensuremath{\neq}",
    "∞": r"\ensuremath{\infty}",
    "√": r"\ensuremath{\surd}",
    "·": r"\ensuremath{\cdot}",
    "→": r"\ensuremath{\rightarrow}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "°": r"\textdegree{}",
    "\u00a0": "~",
    "\u202f": r"\,",
}
_GREEK = {
    letter: name
    for letters, names in (
        (
            "αβγδεζηθικλμνξπρστυφχψω",
            "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu"
            " xi pi rho sigma tau upsilon varphi chi psi omega",
        ),
        ("ΓΔΘΛΞΠΣΥΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"),
        ("µ", "mu"),
    )
    for letter, name in zip(letters, names.split(), strict=True)
}
_SUPERSCRIPTS = dict(zip("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_COMMANDS |= {letter: rf"\ensuremath{{\{name}}}" for letter, name in _GREEK.items()}
_COMMANDS |= {letter: rf"\ensuremath{{{{}}^{{{name}}}}}" for letter, name in _SUPERSCRIPTS.items()}
_COMMANDS |= {letter: rf"\ensuremath{{{{}}_{{{name}}}}}" for letter, name in _SUBSCRIPTS.items()}

_PREAMBLE = r"""\documentclass[8pt]{extarticle}
\usepackage[utf8]{inputenc}
\IfFileExists{lmodern.sty}{\usepackage[T1]{fontenc}\usepackage{lmodern}}{}
\usepackage{textcomp,array,booktabs,longtable}
\usepackage[a4paper,PAGEmargin=15mm]{geometry}
\renewcommand{\familydefault}{\sfdefault}
\setlength{\parindent}{0pt}
\setlength{\tabcolsep}{3pt}
\setlength{\LTpre}{4pt}
\pagestyle{plain}
\pdfinfoomitdate=1
\pdftrailerid{}
\begin{document}
"""


def latex_text(text: str) -> str:
    """Return text as LaTeX sets it; Greek letters, signs and superscripts become commands.

    Raises
    ------
    InputError
        Where it has a character that pdflatex would not know.
    """
    written = []
    for character in text:
        known = _COMMANDS.get(character)
        # pdflatex knows the letters of Latin-1 and Latin Extended-A.
        if known is None and ord(character) > 126 and not (character.isalpha() and ord(character) < 0x180):
            rule = f"LaTeX has no command for {character!r} (U+{ord(character):04X}), in {text!r}"
            raise InputError("table", rule, "Write it otherwise, or add it to reporting/table_latex.py.")
        written.append(known or character)
    # Exponents of several digits are one exponent.
    return "".join(written).replace(r"}}\ensuremath{{}^{", "")


def latex_document(table: ReportTable) -> str:
    """Return the document: title, table with its headings on every page, notes."""
    right = at_the_right(table)
    shares = column_shares(table)
    free = rf"\dimexpr\linewidth-{2 * len(shares)}\tabcolsep\relax"
    kinds = [
        rf">{{{_side(is_number)}\arraybackslash}}p{{\dimexpr{share:.4f}{free}\relax}}"
        for share, is_number in zip(shares, right, strict=True)
    ]
    lines = [
        _PREAMBLE.replace("PAGE", "landscape," if is_wide(table) else "")
        + rf"\textbf{{{latex_text(table.title)}}}",
        "",
        r"\begin{longtable}{@{\hspace{\tabcolsep}}" + "\n" + "\n".join(kinds) + "}",
        r"\toprule",
        *_head(table),
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *_body(table),
        r"\end{longtable}",
        *(rf"\par\smallskip {latex_text(note.text)}" for note in table.notes),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _head(table: ReportTable) -> list[str]:
    """Set the headings; one over two rows stands in the lower one."""
    rows = headings(table)
    width = len(table.columns) + 1
    if len(rows) == 1:
        return [" & ".join(_heading(one) for one in rows[0]) + r" \\"]
    upper, lower = rows
    above, rules, place = [], [], 0
    while place < width:
        group = next((one for one in upper if one.column == place and one.columns > 1), None)
        if group is None:
            above.append("")
            place += 1
            continue
        above.append(rf"\multicolumn{{{group.columns}}}{{c}}{{\textbf{{{latex_text(group.text)}}}}}")
        rules.append(rf"\cmidrule(lr){{{place + 1}-{place + group.columns}}}")
        place += group.columns
    single = [one for one in upper if one.rows == 2]
    below = {one.column: _heading(one) for one in [*single, *lower]}
    return [
        " & ".join(above) + r" \\",
        " ".join(rules),
        " & ".join(below.get(place, "") for place in range(width)) + r" \\",
    ]


def _body(table: ReportTable) -> list[str]:
    width, lines = len(table.columns) + 1, []
    for number, (name, rows) in enumerate(sections(table)):
        if name:
            lines += [r"\addlinespace"] if number else []
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textbf{{{latex_text(name)}}}}} \\*")
        for row in rows:
            cells = [row.label, *(cell.text for cell in row.cells)]
            lines.append(" & ".join(latex_text(unbroken(cell)) for cell in cells) + r" \\")
    return lines


def _heading(heading: Heading) -> str:
    return rf"\textbf{{{latex_text(heading.text)}}}"


def _side(is_number: bool) -> str:
    return r"\raggedleft" if is_number else r"\raggedright"
