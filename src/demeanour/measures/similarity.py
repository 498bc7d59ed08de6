"""How alike two layers see pictures: centred kernel alignment (CKA) with the unbiased HSIC.

Sources: Kornblith et al. (2019, CKA with a linear kernel), Song et al. (2012, eq. 5, the unbiased estimator), Nguyen et
al. (2021, §3.1, sums over minibatches). A layer's kernel matrix is U-centred once (Székely and Rizzo, 2014, eq. 3.1);
then the HSIC of two layers is the inner product of theirs, so that all pairs are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats

MINIBATCH = 64    # pictures
PICTURES = 5_000  # as many as the paper (§3.8) takes: of ImageNet's validation set a tenth, five of each class
LEAST = 4   # pictures: with fewer the unbiased HSIC does not exist
ROUNDING = 1e-6   # of a layer's answer: pictures that differ by less are answered alike


def u_centred(kernel: Floats) -> Floats:
    """Kernel matrices without what each picture and the whole have in common; their diagonals play no part.

    Args:
        kernel: Symmetric, (..., n, n).

    Returns:
        Zero on the diagonals, rows and columns sum to zero; (..., n, n).

    Raises:
        ValueError: n < 4.
    """
    n = kernel.shape[-1]
    if n < LEAST:
        raise ValueError(f"{n} pictures; the unbiased HSIC needs {LEAST}")
    off = kernel * (1 - np.eye(n))
    rows = off.sum(axis=-1)
    whole = rows.sum(axis=-1)[..., None, None] / ((n - 1) * (n - 2))
    centred: Floats = (off - (rows[..., :, None] + rows[..., None, :]) / (n - 2) + whole) * (1 - np.eye(n))
    return centred


def hsic(kernel: Floats, other: Floats) -> float:
    """The unbiased Hilbert-Schmidt independence criterion HSIC₁ of two kernel matrices of the same pictures.

    Args:
        kernel: (n, n), n ≥ 4.
        other: (n, n).

    Returns:
        0 on average for independent layers, and so negative at times; not negative for a layer with itself.

    Raises:
        ValueError: n < 4, or the matrices are not of the same pictures.
    """
    if kernel.shape != other.shape:
        raise ValueError(f"kernels of {len(kernel)} and {len(other)} pictures")
    n = len(kernel)
    return float((u_centred(kernel) * u_centred(other)).sum() / (n * (n - 3)))


def cka(x: ArrayLike, y: ArrayLike) -> float:
    """CKA of two layers over all pictures at once, with linear kernels.

    Args:
        x: Activations, (n, ...), n ≥ 4.
        y: Another layer's of the same pictures, (n, ...).

    Returns:
        At most 1, which it is for the same layer, turned or scaled; around 0, on either side, for independent ones.

    Raises:
        ValueError: There are fewer than four pictures, an activation is not finite, or a layer is constant.
    """
    kernels = [_linear(np.asarray(layer, dtype=np.float64)) for layer in (x, y)]
    sums = [hsic(kernels[one], kernels[other]) for one, other in ((0, 0), (0, 1), (1, 1))]
    return float(cka_map(np.array(sums), ("x", "y"))[0, 1])


def cka_map(sums: Floats, layers: Sequence[str]) -> Floats:
    """CKA of all pairs of layers, from the HSIC of minibatches.

    Numerator and denominators are each summed over minibatches before they are divided (Nguyen et al., 2021, eq. 2):
    the sums are unbiased whatever the size of a minibatch, a mean of the minibatches' CKA is not.

    Args:
        sums: Of HSIC over minibatches, or means; (..., k (k + 1) / 2), the upper triangles by rows.
        layers: The names of the k layers, for messages.

    Returns:
        (..., k, k), symmetric, 1 on the diagonals.

    Raises:
        ValueError: A layer answers all pictures alike, so that it is similar to nothing; names it and all of its kind.
            Leave them out by `constant`, and say so.
    """
    k = len(layers)
    if sums.shape[-1] != k * (k + 1) // 2:
        raise ValueError(f"{sums.shape[-1]} sums for {k} layers; expected {k * (k + 1) // 2}")
    if not np.isfinite(sums).all():
        raise ValueError("an HSIC is not finite")
    dead = constant(sums, k)
    if dead.any():
        names = ", ".join(name for name, one in zip(layers, dead, strict=True) if one)
        raise ValueError(f"constant over all pictures, and so similar to nothing: {names}")
    rows, columns = np.triu_indices(k)
    length = np.sqrt(sums[..., rows == columns])
    found = np.empty((*sums.shape[:-1], k, k))
    found[..., rows, columns] = sums / length[..., rows] / length[..., columns]
    found[..., columns, rows] = found[..., rows, columns]
    return found


def in_minibatches(pictures: int) -> int:
    """How many pictures of a set minibatches take: as many as fill some, and no more than 5,000."""
    return min(PICTURES, pictures) // MINIBATCH * MINIBATCH


def pairs_among(layers: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """Where the pairs of some of k layers stand among the pairs of all, upper triangles by rows.

    Args:
        layers: Which of the k, ascending, (m,).
        k: How many there are.

    Returns:
        (m (m + 1) / 2,), by rows of their own triangle.
    """
    rows, columns = np.triu_indices(len(layers))
    first, second = layers[rows], layers[columns]
    return np.asarray(first * k - first * (first - 1) // 2 + second - first)


def constant(sums: Floats, k: int) -> NDArray[np.bool_]:
    """Which of k layers answer all pictures alike, in any of the sums: HSIC with themselves is not positive; (k,)."""
    rows, columns = np.triu_indices(k)
    own = sums[..., rows == columns].reshape(-1, k)
    return np.asarray((own <= 0).any(axis=0))


def _linear(activations: Floats) -> Floats:
    """Inner products of the activations of all pairs of pictures, (n, n).

    The first picture's are taken off: U-centring makes up for it, and what is common to all takes no digits.
    """
    if not np.isfinite(activations).all():
        raise ValueError("an activation is not finite")
    rows = activations.reshape(len(activations), -1)
    deviations = rows - rows[:1]
    kernel: Floats = deviations @ deviations.T
    alike = kernel.diagonal().max() <= (rows[0] @ rows[0]) * ROUNDING**2
    return np.zeros_like(kernel) if alike else kernel
