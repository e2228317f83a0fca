"""Rows of a benchmark: their JSON, their table, their picture.

A row is {"suite", "name", "value", "unit", "reference", "reference_value", "ratio", "target", "holds"}: the reference is
measured in the same run, `ratio` is oriented so that larger is better, `target` is the least ratio that will do, `holds` is
null where there is no target. Where the target is an amount, that amount is the reference ("the limit") and the target 1.
A row whose run was not clean (an answer that was not 2xx, an audit count that differs) is void: value and ratio are null.
A row may have `noise`: the share by which its rounds differed.
"""
import json
import math
from pathlib import Path
from xml.sax.saxutils import escape

LOWER_IS_BETTER = {"s", "ms", "us", "ns", "us/op", "us CPU/op", "bytes", "kB", "MiB", "maps", "faults", "% unlocked"}
LOGARITHMIC_FROM = 20  # a longer bar than this many references would hide the others


def row(suite, name, value, unit, reference=None, reference_value=None, target=None, void=None, noise=None):
    """One row; `void` is the reason why the run does not count."""
    ratio = None
    if void is None and value is not None and value == reference_value:
        ratio = 1.0  # none where none are allowed, too
    elif void is None and reference_value and value:
        ratio = reference_value / value if unit in LOWER_IS_BETTER else value / reference_value
    none_at_all = void is None and value == 0 and unit in LOWER_IS_BETTER
    result = {
        "suite": suite,
        "name": name,
        "value": None if void else rounded(value),
        "unit": unit,
        "reference": reference,
        "reference_value": rounded(reference_value),
        "ratio": rounded(ratio),
        "target": target,
        "holds": None if target is None else bool(none_at_all or (ratio is not None and ratio >= target)),
    }
    if noise is not None:
        result["noise"] = rounded(noise)
    if void:
        result["void"] = void
    return result


def rounded(value):
    return None if value is None else float(f"{value:.4g}")


def table(rows):
    """Plain text, losses shown like wins."""
    lines = [("name", "value", "unit", "reference", "its value", "ratio", "target", "holds", "noise")]
    for r in rows:
        lines.append((
            r["name"], "void" if "void" in r else text(r["value"]), r["unit"], r["reference"] or "-", text(r["reference_value"]),
            text(r["ratio"]), text(rounded(r["target"])), {None: "-", True: "yes", False: "NO"}[r["holds"]],
            f"{100 * r['noise']:.0f} %" if "noise" in r else "-",
        ))
    if not any("noise" in r for r in rows):
        lines = [line[:-1] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shown = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
    shown += [f"void: {r['name']}: {r['void']}" for r in rows if "void" in r]
    return "\n".join(shown)


def text(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def svg(title, rows):
    """A bar a row: the ratio to its reference, the reference being the line at 1; rows without one show their value."""
    bars = [r for r in rows if r["ratio"] is not None] or [r for r in rows if r["value"] is not None]
    left, width, step, top = 330, 360, 26, 44
    measure = "ratio" if bars and bars[0]["ratio"] is not None else "value"
    longest = max([r[measure] for r in bars] + ([1.0] if measure == "ratio" else []), default=1.0)
    logarithmic = measure == "ratio" and longest > LOGARITHMIC_FROM

    def length_of(value):
        return width * (math.log1p(value) / math.log1p(longest) if logarithmic else value / longest)

    height = top + step * len(bars) + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 130}" height="{height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for i, r in enumerate(bars):
        y, length = top + i * step, length_of(r[measure])
        colour = {None: "#4a78a8", True: "#3d8b57", False: "#b5533c"}[r["holds"]]
        shown = f"{text(r[measure])}{'' if measure == 'ratio' else ' ' + r['unit']}"
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(r["name"])}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="18" fill="{colour}"/>')
        out.append(f'<text x="{left + length + 6:.1f}" y="{y + 14}">{escape(shown)}</text>')
    if measure == "ratio" and bars:
        x = left + length_of(1)
        out.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{top + step * len(bars)}" stroke="black" stroke-dasharray="4 3"/>')
        out.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">reference = 1, longer is better{", logarithmic" if logarithmic else ""}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write(folder, suite, rows):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{suite}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / f"{suite}.svg").write_text(svg(f"Holdfast: {suite}", rows))
