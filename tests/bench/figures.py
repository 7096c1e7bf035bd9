"""figures: what was measured, and the medians, spreads and ratios it comes to.

A sample is one round's {figure: value} of one proxy in one row. Ratios are taken within a round and their median is
what counts: rounds alternate between the proxies, so what else the machine does weighs on all of them alike.
"""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    unit: str
    is_cost: bool = True  #: less is better


class Samples:
    def __init__(self):
        self._samples = {}  # (row, proxy) -> one dict a round

    def add(self, row: str, proxy: str, sample: dict) -> None:
        self._samples.setdefault((row, proxy), []).append(sample)

    def values(self, row: str, proxy: str, figure: str) -> list:
        return [one[figure] for one in self._samples.get((row, proxy), []) if figure in one]

    def median(self, row: str, proxy: str, figure: str):
        values = self.values(row, proxy, figure)
        return statistics.median(values) if values else None

    def ratio(self, row: str, proxy: str, peer: str, figure: str):
        """Median over the rounds of proxy / peer; 0.8 of a cost is a fifth less."""
        pairs = zip(self.values(row, proxy, figure), self.values(row, peer, figure))
        ratios = [own / other for own, other in pairs if other]
        return statistics.median(ratios) if ratios else None

    def as_json(self) -> list:
        return [{"row": row, "proxy": proxy, "rounds": rounds} for (row, proxy), rounds in self._samples.items()]


def to_text(value) -> str:
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
