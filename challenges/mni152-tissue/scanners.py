"""Three simulated scanners: the same head, three images of it.

They are simple on purpose: each spoils one thing that segmentation depends on.
"""

import numpy as np

SCANNERS = ("clean", "noisy", "thick")
UNITS_PER_ONE = 1000
NOISE_SD = 0.05
BIAS = 0.15
SLICES_PER_THICK_SLICE = 3


def scan(scanner, tissues, random):
    """Image the head: int16 units, 0 outside the brain and nowhere else."""
    match scanner:
        case "clean":
            image = tissues.t1
        case "noisy":
            image = _noisy(tissues.t1, random)
        case "thick":
            image = _thick(tissues.t1)
    units = np.rint(image * UNITS_PER_ONE).clip(1, 32767)
    return np.where(tissues.labels > 0, units, 0).astype(np.int16)


def _noisy(t1, random):
    """Add a smooth bias field of up to 15 % and Rician noise."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in t1.shape), indexing="ij", sparse=True)
    field = np.exp(BIAS * (0.5 * x + 0.6 * y - 0.4 * z + 0.3 * x * y - 0.3 * z**2))
    real = t1 * field + random.normal(0, NOISE_SD, t1.shape)
    imaginary = random.normal(0, NOISE_SD, t1.shape)
    return np.hypot(real, imaginary)


def _thick(t1):
    """Average three slices into one of 6 mm and repeat it, so that the grid stays as it was."""
    edges = np.arange(0, t1.shape[2], SLICES_PER_THICK_SLICE)
    counts = np.diff([*edges, t1.shape[2]])
    means = np.add.reduceat(t1, edges, axis=2) / counts
    return np.repeat(means, counts, axis=2)
