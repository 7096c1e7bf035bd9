"""trend: memory and descriptors of one edge over time, and whether they grow."""

import os
import time

SECONDS_BETWEEN = 1.0
WARM_UP_SHARE = 0.3  #: of the samples: pools fill, allocators settle
MOST_KIBIBYTES = 6 * 1024  #: from the first third of the rest to its last
MOST_DESCRIPTORS = 40  #: the same; how many there are at any time depends on the dice


def slope(points: list) -> float:
    """Least squares, per minute."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Trend:
    def __init__(self):
        self._samples = []  # (time, KiB, descriptors)

    def sample(self, edge) -> None:
        now = time.monotonic()
        if self._samples and now - self._samples[-1][0] < SECONDS_BETWEEN:
            return
        try:
            descriptors = len(os.listdir(f"/proc/{edge.process.pid}/fd"))
            self._samples.append((now, edge.resident_kibibytes(), descriptors))
        except (OSError, TypeError):
            pass  # It has ended, which is somebody else's to tell.

    def last(self) -> str:
        return f"{self._samples[-1][1]} KiB, {self._samples[-1][2]} descriptors" if self._samples else "no sample"

    def _settled(self, column: int) -> list:
        return [(one[0], one[column]) for one in self._samples[int(len(self._samples) * WARM_UP_SHARE) :]]

    def _growth(self, column: int) -> float:
        values = [value for _, value in self._settled(column)]
        third = max(1, len(values) // 3)
        return sum(values[-third:]) / third - sum(values[:third]) / third

    def __str__(self) -> str:
        if len(self._samples) < 10:
            return "too short to say"
        memory, descriptors = self._settled(1), self._settled(2)
        return (
            f"{len(memory)} samples; memory {memory[0][1]} to {memory[-1][1]} KiB, {slope(memory):+.0f} KiB a minute, "
            f"thirds {self._growth(1):+.0f} KiB; descriptors {descriptors[0][1]} to {descriptors[-1][1]}, "
            f"{slope(descriptors):+.2f} a minute, thirds {self._growth(2):+.1f}"
        )

    def problems(self) -> list:
        if len(self._samples) < 30:
            return []
        found = []
        if self._growth(1) > MOST_KIBIBYTES:
            found.append(f"memory grows: {self}")
        if self._growth(2) > MOST_DESCRIPTORS:
            found.append(f"descriptors grow: {self}")
        return found
