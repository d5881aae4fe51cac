"""The look of a report: one style sheet, for light and dark, for wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --ground: #fbfbf9; --card: #ffffff; --text: #1f1f1c; --soft: #62625c;
  --line: #dcdcd5; --mark: #2266bb; --own: #b8400f; --known: #8f8f87; }
@media (prefers-color-scheme: dark) { :root { --ground: #161614; --card: #1f1f1d; --text: #ecece8; --soft: #a6a69e;
  --line: #3a3a36; --mark: #6aa8f2; --own: #f2905a; --known: #85857c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0.4rem 0; }
.soft, figcaption, .moves { color: var(--soft); font-size: 0.9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem;
  margin: 0.8rem 0; }
figure { margin: 0.5rem 0; }
svg { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { text-align: left; padding: 0.3rem 0.5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 0.85rem; }
td.number, th.number { text-align: right; }
td.bar { width: 40%; min-width: 7rem; }
ul, ol { margin: 0.4rem 0; padding-left: 1.3rem; }
code { font-size: 0.85rem; }
summary { cursor: pointer; color: var(--soft); }
text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.known { fill: var(--known); fill-opacity: 0.6; }
.near { fill: var(--mark); }
.own { fill: var(--own); }
.label { fill: var(--text); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.advice { stroke: var(--mark); fill: none; stroke-width: 2.5; }
.chance { stroke: var(--known); fill: none; stroke-width: 2.5; stroke-dasharray: 6 4; }
.advice-band { fill: var(--mark); fill-opacity: 0.15; }
.chance-band { fill: var(--known); fill-opacity: 0.15; }
.advice-point { fill: var(--mark); }
.chance-point { fill: var(--known); }
.range { stroke: var(--mark); stroke-width: 6; stroke-opacity: 0.35; }
.middle { fill: var(--mark); }
.key { white-space: nowrap; margin-right: 0.8rem; }
.swatch { display: inline-block; width: 0.75rem; height: 0.75rem; border-radius: 50%; vertical-align: -1px; }
@media (max-width: 40rem) { main { padding: 0.6rem; } .card { padding: 0.6rem; } th, td { padding: 0.3rem 0.25rem; }
  table, td .soft { font-size: 0.8rem; } th, td { white-space: normal; } td.number { white-space: nowrap; }
  td { overflow-wrap: anywhere; } td.bar { overflow-wrap: normal; } text { font-size: 22px; }
  .key { white-space: normal; } }
"""
