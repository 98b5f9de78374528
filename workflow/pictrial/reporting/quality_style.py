"""The style sheet of the quality pages. Widths of paths are in tenths of a pixel, as their coordinates."""

STYLE = """
:root { --ink: #1c2126; --quiet: #5c6670; --rule: #d5dade; --blue: #0072b2; --orange: #d55e00; }
* { box-sizing: border-box; }
body { font: 13.5px/1.45 system-ui, sans-serif; color: var(--ink); max-width: 1192px; margin: 24px auto;
  padding: 0 16px; }
h1 { font-size: 21px; margin: 0 0 10px; } h2 { font-size: 15px; margin: 0 0 4px; }
h3 { font-size: 13.5px; margin: 14px 0 4px; } p { margin: 4px 0; }
section { margin-top: 26px; }
.facts { display: grid; grid-template-columns: repeat(8, auto); gap: 4px 18px; margin: 0; padding: 9px 0;
  border-top: 2px solid var(--ink); border-bottom: 1px solid var(--rule); }
dt { color: var(--quiet); font-size: 12px; } dd { margin: 0; font-weight: 600; }
.note { color: var(--quiet); font-size: 12px; }
.first { margin-top: 12px; padding: 9px 14px; border-left: 4px solid var(--orange); background: #fdf3ec; }
.first.fine { border-color: var(--blue); background: #eef5fa; }
.first ul { margin: 2px 0 0; padding-left: 18px; }
.signals { display: grid; grid-template-columns: auto auto minmax(250px, 1fr); gap: 26px; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
svg text { font: 11px system-ui, sans-serif; fill: var(--quiet); }
svg text.cell { font-size: 9.5px; fill: var(--ink); } svg text.dark { fill: #fff; }
svg text.bad { fill: var(--orange); font-weight: 700; } .badbox { stroke: var(--orange); stroke-width: 1.5; }
path { fill: none; stroke-linecap: butt; stroke-linejoin: round; }
.axis { stroke: #8a949c; stroke-width: 1; }
.torque { fill: #eadfca; } .mains { stroke: #c9ced2; stroke-width: 8; }
.rawband { fill: #8a949c; fill-opacity: .25; } .rawline { stroke: #69737b; stroke-width: 12; }
.cleanband { fill: var(--blue); fill-opacity: .2; } .cleanline { stroke: var(--blue); stroke-width: 14; }
.emg { stroke: #3d4850; stroke-width: 11; } .discharge { stroke: var(--blue); stroke-width: 9; }
.source { stroke: #8ea2b1; stroke-width: 11; }
.discharged, .rate, .unused { stroke-linecap: round; }
.discharged { stroke: var(--orange); stroke-width: 30; } .rate { stroke: #3d4850; stroke-width: 30; }
.unused { stroke: var(--orange); stroke-width: 50; } .smoothed { stroke: var(--blue); stroke-width: 18; }
.potential { stroke: #3d4850; stroke-width: 9; } .largest { stroke: var(--orange); stroke-width: 15; }
.bars { fill: #7f95a6; } .limit { stroke: var(--orange); stroke-width: 10; stroke-dasharray: 40 30; }
article { border-top: 1px solid var(--rule); padding: 8px 0 12px; break-inside: avoid; }
article h3, article p { display: inline; margin: 0 6px 0 0; }
article p { color: var(--quiet); font-size: 12.5px; }
article span { white-space: nowrap; }
b { color: var(--ink); font-weight: 600; }
mark { color: #b34700; background: #fdeadd; padding: 0 2px; margin: 0 -2px; }
td:not(.text) { white-space: nowrap; }
table { border-collapse: collapse; font-size: 12.5px; margin-top: 4px; }
th, td { padding: 2px 12px 2px 0; text-align: right; vertical-align: top; }
td { border-bottom: 1px solid #eceff1; font-variant-numeric: tabular-nums; }
th { border-bottom: 1px solid var(--ink); font-weight: 600; vertical-align: bottom; }
.text { text-align: left; } a { color: inherit; } .scroll { overflow-x: auto; }
@media print {
  @page { size: A4 landscape; margin: 10mm; }
  body { margin: 0; padding: 0; max-width: none; zoom: .86; }
  body { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section { break-inside: avoid; } .scroll { overflow: visible; }
}
"""
