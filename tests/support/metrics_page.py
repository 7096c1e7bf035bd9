"""metrics_page: Prometheus text as something a test can ask for a number."""

import re

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class MetricsPage:
    def __init__(self, text: str):
        self.text = text
        self.samples = []  #: (name, labels, value)
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = _SAMPLE.fullmatch(line)
                assert match, f"not a sample: {line!r}"
                self.samples.append((match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])))

    def names(self) -> set:
        return {name for name, _, _ in self.samples}

    def total(self, name: str, /, **labels) -> float:
        """The sum of all samples of that name which have these labels; none is 0."""
        return sum(value for key, has, value in self.samples if key == name and labels.items() <= has.items())

    def label_values(self, name: str, label: str) -> set:
        return {has[label] for key, has, _ in self.samples if key == name and label in has}
