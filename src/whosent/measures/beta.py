"""Upper quantiles of a Beta distribution, in closed form and a microsecond.

Paulson's approximation (cube roots of the F distribution are nearly normal), good to a few percent of the value
for first parameters above one half, which is all a cautious baseline needs.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

NINETY: Final = 1.2815515655446004  # standard normal quantile of .9


def upper(successes: float, failures: float, deviations: float = NINETY) -> float:
    """The share that Beta(successes, failures) stays under with the probability of ``deviations``."""
    first, second = 1 / (9 * successes), 1 / (9 * failures)
    # Solve ((1 - second) root - (1 - first))^2 = deviations^2 (second root^2 + first) for the larger root.
    squared = deviations * deviations
    a = (1 - second) ** 2 - squared * second
    b = (1 - first) * (1 - second)
    c = (1 - first) ** 2 - squared * first
    if a <= 0 or second >= 1:  # hardly a failure: nothing bounds the share
        return 1.0
    ratio = ((b + sqrt(max(0.0, b * b - a * c))) / a) ** 3
    return successes * ratio / (successes * ratio + failures)
