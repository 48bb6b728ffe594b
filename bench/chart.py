"""Charts as inline SVG. Colours are CSS classes (`c0`, `c1`, ...), so that the page decides."""
import math
from html import escape

LEFT, RIGHT, TOP, BOTTOM = 56, 14, 24, 40
TEXT = 6.3  # width of a letter, for room


def short(value):
    """A number with at most three digits: 1.2M, 45k, 0.12."""
    if value == 0:
        return "0"
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def size(value):
    """A number of bytes or of things: 64, 4 k, 1 M."""
    for limit, suffix in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if value >= limit and value % limit == 0:
            return f"{int(value / limit)}{suffix}"
    return short(value)


def text(x, y, words, anchor="start", style=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(str(words))}</text>'


def svg(width, height, parts, label):
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{escape(label)}">{"".join(parts)}</svg>')


def nice_steps(top, count=4):
    """Marks from 0 to at least `top`, at round distances."""
    raw = top / count if top > 0 else 1
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def bars(rows, unit, series, width=760):
    """Horizontal bars. rows: [(title, {series: (value, low, high)}, mark or None)]; series: names in order.

    A whisker goes from low to high; the mark is a line across the row, of something that is compared with."""
    room = max(len(title) for title, _, _ in rows) * TEXT + 12
    thick, gap = 13, 11
    highest = max([h for _, values, _ in rows for _, _, h in values.values()] + [m for *_, m in rows if m])
    steps = nice_steps(highest)
    scale = (width - room - 70) / steps[-1]
    parts, y = [], 8
    for title, values, mark in rows:
        top = y
        shown = [name for name in series if name in values]
        parts.append(text(room - 8, y + len(shown) * thick / 2 + 4, title, "end"))
        for name in shown:
            value, low, high = values[name]
            middle = y + thick / 2
            parts.append(f'<rect x="{room:.1f}" y="{y + 1}" width="{value * scale:.1f}" height="{thick - 2}" '
                         f'class="c{series.index(name)}"/>')
            parts.append(f'<path d="M{room + low * scale:.1f} {middle}H{room + high * scale:.1f}" class="whisker"/>')
            parts.append(text(room + max(value, high) * scale + 5, middle + 4, short(value)))
            y += thick
        if mark:
            parts.append(f'<path d="M{room + mark * scale:.1f} {top - 2}V{y + 2}" class="mark"/>')
        y += gap
    grid = "".join(f'<path d="M{room + step * scale:.1f} 4V{y}" class="grid"/>'
                   + text(room + step * scale, y + 15, short(step), "middle", "dim") for step in steps)
    return svg(width, y + 34, [grid, *parts, text(room, y + 30, unit, style="dim")], unit)


def curve(lines, series, x_title, unit, ticks=size, width=440, height=250):
    """Lines over a logarithmic x. lines: {series: [(x, y), ...]}."""
    points = [point for of_line in lines.values() for point in of_line]
    if not points:
        return ""
    xs = sorted({x for x, _ in points})
    first, last = math.log(xs[0]), math.log(xs[-1])
    steps = nice_steps(max(y for _, y in points))
    across, up = width - LEFT - RIGHT, height - TOP - BOTTOM

    def place(x, y):
        along = (math.log(x) - first) / (last - first) if last > first else 0.5
        return LEFT + along * across, height - BOTTOM - y / steps[-1] * up

    parts = []
    for step in steps:
        y = place(xs[0], step)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{width - RIGHT}" class="grid"/>' + text(LEFT - 6, y + 4, short(step), "end", "dim"))
    for x in xs:
        at = place(x, 0)[0]
        parts.append(f'<path d="M{at:.1f} {height - BOTTOM}v4" class="axis"/>'
                     + text(at, height - BOTTOM + 16, ticks(x), "middle", "dim"))
    for name in (name for name in series if lines.get(name)):
        style = f"c{series.index(name)}"
        places = [place(x, y) for x, y in lines[name]]
        parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" class="line {style}"/>')
        for (x, y), (size_, value) in zip(places, lines[name]):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{style}">'
                         f"<title>{name}: {short(value)} {unit} at {ticks(size_)}</title></circle>")
    parts.append(text(LEFT + across / 2, height - 6, x_title, "middle", "dim"))
    parts.append(text(4, 10, unit, style="dim"))
    return svg(width, height, parts, f"{unit} against {x_title}")
