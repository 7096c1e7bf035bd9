"""table: the figures as Markdown: median, smallest and largest, and Sandgate's ratio to each of the others."""

from figures import to_text


def _cell(samples, row, proxy, figure) -> str:
    values = samples.values(row.letter, proxy, figure.key)
    if not values:
        return "–"
    median = to_text(samples.median(row.letter, proxy, figure.key))
    return f"{median} ({to_text(min(values))}–{to_text(max(values))})"


def _ratios(samples, row, proxies, figure) -> str:
    parts = []
    for peer in proxies[1:]:
        ratio = samples.ratio(row.letter, proxies[0], peer, figure.key)
        if ratio is not None:
            parts.append(f"{ratio:.2f} {peer}")
    return ", ".join(parts) or "–"


def _row(samples, row) -> list:
    proxies = [one for one in row.proxies if samples.values(row.letter, one, row.figures[0].key)]
    lines = [f"**({row.letter})** {row.title}. Bar: {row.bar}.", ""]
    lines.append("| figure | " + " | ".join(proxies) + " | Sandgate ÷ |")
    lines.append("| --- |" + " ---: |" * len(proxies) + " --- |")
    for figure in row.figures:
        unit = f", {figure.unit}" if figure.unit else ""
        cells = [_cell(samples, row, one, figure) for one in proxies]
        lines.append(f"| {figure.title}{unit} | {' | '.join(cells)} | {_ratios(samples, row, proxies, figure)} |")
    return [*lines, ""]


def render(samples, rows, facts) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    lines = [f"{facts['date']}, {facts['machine']}. {versions}. `{facts['command']}`", ""]
    for row in rows:
        lines += _row(samples, row)
    return "\n".join(lines)
