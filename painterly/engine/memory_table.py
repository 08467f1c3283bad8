"""The measured memory of paintings; lab/benchmarks/memory.py writes this file.

Each row has the numbers of a `Row`: bytes, and bytes for each unit of an `Extent`.
"""

Numbers = tuple[float, float, float, float]

MARGIN = 1.15
ROWS: dict[str, Numbers] = {
    "instant": (6.183e07, 39.34, 116.5, 1.246),
    "CPU, 16 bits, at once": (1.723e08, 514.9, 2.7, 3.253),
    "CPU, float32, at once": (2.251e08, 719.9, 3.109, 0.09081),
    "CPU, 16 bits, in tiles": (3.823e08, 225.8, 2.792, 0),
    "CPU, float32, in tiles": (3.537e08, 243.2, 2.015, 0),
    "GPU, float32, at once": (4.5e07, 580, 2.5, 1.2),
    "GPU, float32, in tiles": (9.3e08, 150, 1.9, 9.2),
    "GPU, 16 bits, at once": (9.7e07, 430, 3.1, 1.9),
    "GPU, 16 bits, in tiles": (5.3e08, 130, 2.1, 4.4),
}
ADDITIONS: dict[str, dict[str, Numbers]] = {
    "optimised": {
        "painting": (2e07, 0, 0, 0),
        "region": (0, 12.99, 1.399, 0),
        "mask": (0, 0, 0, 0),
        "drawing": (0, 0, 0, 0),
        "lbfgs": (0, 1324, 0, 0),
    },
    "instant": {
        "painting": (1.746e07, 0, 1.458, 0),
        "region": (0, 0, 0.3312, 0.04532),
        "mask": (0, 0, 0, 0),
        "drawing": (0, 6.624, 0, 0),
        "lbfgs": (0, 0, 0, 0),
    },
}
