"""picture: the comparison as an SVG of bars, readable on light and dark pages.

One group a row, one bar a proxy: the figure that counts, relative to the better of nginx and HAProxy. A shorter bar is
less cost; the line marks 1.
"""

from html import escape

from figures import to_text

_WIDTH, _LEFT, _BAR, _GAP = 760, 190, 14, 30
_SCALE = 300  #: pixels for 1
_LONGEST = 1.5  #: longer bars are cut
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11px; fill: #59636e }
  .own { fill: #0969da } .peer { fill: #afb8c1 } .one { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .own { fill: #4493f8 } .peer { fill: #656c76 } .one { stroke: #9198a1 }
  }
"""
_SHORT = {
    "a": "HTTP/1.1 request, CPU",
    "b": "HTTP/2 request, CPU",
    "c": "download, CPU per MiB",
    "d": "TLS handshake, CPU",
    "e": "idle connection, memory",
    "f": "WebSocket echo, CPU",
    "g": "latency, p99",
    "h": "p99 beside noisy sandboxes",
}


def _costs(samples, row) -> dict:
    """The first figure of each proxy, as a cost."""
    figure = row.figures[0]
    medians = {one: samples.median(row.letter, one, figure.key) for one in row.proxies}
    return {one: (value if figure.is_cost else 1 / value) for one, value in medians.items() if value}


def _bar(y: int, name: str, share: float, text: str) -> list:
    width = min(share, _LONGEST) * _SCALE
    kind = "own" if name == "Sandgate" else "peer"
    return [
        f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.0f}" height="{_BAR - 2}" rx="2"/>',
        f'<text class="small" x="{_LEFT + width + 6:.0f}" y="{y + 10}">{escape(name)} {share:.2f} ({text})</text>',
    ]


def draw(samples, rows, facts) -> str:
    parts, y = [], 40
    for row in rows:
        costs = _costs(samples, row)
        peers = [costs[one] for one in ("nginx", "HAProxy") if one in costs]
        if not peers or "Sandgate" not in costs:
            continue
        parts.append(f'<text x="8" y="{y + 11}">{escape(_SHORT[row.letter])}</text>')
        for name, cost in costs.items():
            figure = row.figures[0]
            text = f"{to_text(samples.median(row.letter, name, figure.key))} {figure.unit}"
            parts += _bar(y, name, cost / min(peers), escape(text))
            y += _BAR
        y += _GAP - _BAR
    parts.append(f'<line class="one" x1="{_LEFT + _SCALE}" x2="{_LEFT + _SCALE}" y1="30" y2="{y - 8}"/>')
    title = "Cost beside the better of nginx and HAProxy: shorter is better"
    source = f"{facts['date']} · {facts['machine']} · tests/bench/compare"
    head = f'<text x="8" y="18" font-weight="600">{title}</text>'
    foot = f'<text class="small" x="8" y="{y + 8}">{escape(source)}</text>'
    size = f'width="{_WIDTH}" height="{y + 18}" viewBox="0 0 {_WIDTH} {y + 18}"'
    body = "\n".join([head, *parts, foot])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
