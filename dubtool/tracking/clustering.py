"""Which of many faces are one person's: average-linkage clustering (Sokal and Michener 1958) of unit vectors."""

from __future__ import annotations

import numpy as np


def clusters(vectors: np.ndarray, apart: np.ndarray, threshold: float) -> list[list[int]]:
    """Numbers of the vectors in groups, each rising, the group of the lowest number first.

    vectors: unit vectors [N, K]. apart: bool [N, N], symmetric, which two are surely not one person's. The two groups
    with the highest mean cosine between their members are joined, again and again, while it is `threshold` or more and
    no two of their members are apart.
    """
    count = len(vectors)
    alike = (vectors @ vectors.T).astype(np.float64)
    alike[apart] = -np.inf
    np.fill_diagonal(alike, -np.inf)
    members = {number: [number] for number in range(count)}
    while len(members) > 1:
        first, second = divmod(int(alike.argmax()), count)
        if not alike[first, second] >= threshold:
            break
        first, second = min(first, second), max(first, second)
        mine, others = len(members[first]), len(members[second])
        # A product with minus infinity stays so: what one member cannot join, the group cannot.
        joined = (alike[first] * mine + alike[second] * others) / (mine + others)
        joined[first] = -np.inf
        alike[first], alike[:, first] = joined, joined
        alike[second], alike[:, second] = -np.inf, -np.inf
        members[first] += members.pop(second)
    return [sorted(members[number]) for number in sorted(members)]
