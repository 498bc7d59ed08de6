"""The probe that decides: multinomial logistic regression, fitted to the end, regularised by what validation says.

Features are standardised, by mean and standard deviation of the pictures that are fitted. The penalty weighs all
features alike, so their scales would decide how much each may be used, and channels of networks differ in scale by
orders of magnitude; to make each picture's features of unit length, as CLIP_benchmark does, leaves these scales as they
are. On standardised features one grid of penalties serves all networks.

Sums are made in double precision, on a CPU by one thread.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from demeanour.errors import EvidenceError
from demeanour.evaluation.probes.examples import Examples, Learned, with_held_out

PENALTIES = tuple(10.0**exponent for exponent in range(5, -2, -1))   # the strongest first: each fit begins at the last
ITERATIONS = 2_000
CORRECTIONS = 20   # steps that the curvature is estimated from
SLOPE = 1e-6     # the largest component of the mean gradient with which a fit ends
ROUGHLY = 1e-4   # and one that is only compared with others: scikit-learn's default


class Regression:
    """Multinomial logistic regression on standardised features.

    Args:
        examples: To be fitted; two classes at least.
        device: As torch names it; one that has no double precision is left aside.
    """

    def __init__(self, examples: Examples, device: str) -> None:
        self.classes, codes = examples.coded()
        self._device = "cpu" if device == "mps" else device
        x = self._tensor(examples.features)
        self._mean, spread = x.mean(dim=0), x.std(dim=0, correction=0)
        self._scale = torch.where(spread > 0, spread, 1.0)   # what never varies becomes 0
        self._x = (x - self._mean) / self._scale
        self._y = torch.from_numpy(codes).to(self._device)
        self._theta = torch.zeros(self._x.shape[1] + 1, len(self.classes), dtype=torch.float64, device=self._device)

    def fit(self, penalty: float, slope: float = SLOPE) -> None:
        """Minimise the cross-entropies' sum + penalty / 2 · ‖weights‖² from where the last fit ended; biases are free.

        This is scikit-learn's ``LogisticRegression(C=1 / penalty)``.

        Raises:
            EvidenceError: It does not stay finite.
        """
        decay, rows = penalty / len(self._y), torch.arange(len(self._y), device=self._device)   # of the mean loss

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            theta = torch.from_numpy(parameters).view(self._theta.shape).to(self._device)
            log_p = torch.addmm(theta[-1], self._x, theta[:-1]).log_softmax(dim=1)
            value = decay / 2 * theta[:-1].square().sum() - log_p[rows, self._y].mean()
            if not bool(value.isfinite()):
                raise EvidenceError(f"the probe does not stay finite at the penalty {penalty:g}")
            residual = log_p.exp_()
            residual[rows, self._y] -= 1
            residual /= len(rows)
            slopes = torch.cat([self._x.T @ residual + decay * theta[:-1], residual.sum(dim=0, keepdim=True)])
            return float(value), slopes.flatten().cpu().numpy()

        # torch.optim.LBFGS makes some 400 small tensors in each step, and threads wait for each other at every one
        found = minimize(
            loss, self._theta.flatten().cpu().numpy(), jac=True, method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "maxcor": CORRECTIONS, "gtol": slope, "ftol": 0},
        )  # fmt: skip
        self._theta = torch.from_numpy(found.x).view(self._theta.shape).to(self._device)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The logits of pictures, (n, classes), for features (n, d)."""
        x = (self._tensor(features) - self._mean) / self._scale
        return np.asarray(torch.addmm(self._theta[-1], x, self._theta[:-1]).cpu().numpy())

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Class indices of pictures, (n,), for features (n, d)."""
        return np.asarray(self.classes[self.scores(features).argmax(axis=1)])

    def _tensor(self, features: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(features.astype(np.float64)).to(self._device)


def learn(train: Examples, validation: Examples | None, device: str, where: str) -> Learned:
    """A probe whose penalty is chosen on pictures that it was not fitted on, and which is then fitted on all of them.

    Of penalties that are right equally often, the strongest is chosen.

    Args:
        train: The training pictures.
        validation: Those of a split for this purpose; None draws a fifth of the training pictures.
        device: As torch names it.
        where: The task, for messages.

    Raises:
        EvidenceError: No picture can be held out, or a fit does not stay finite.
    """
    fitted, held = (train, validation) if validation is not None else with_held_out(train, where)
    regression, accuracies = Regression(fitted, device), []
    for penalty in PENALTIES:
        regression.fit(penalty, ROUGHLY)
        accuracies.append(float((regression.predict(held.features) == held.labels).mean()))
    chosen = PENALTIES[int(np.argmax(accuracies))]
    final = Regression(fitted.with_those_of(held), device)
    final.fit(chosen)
    return Learned(final.predict, chosen, np.asarray(PENALTIES), np.asarray(accuracies))
