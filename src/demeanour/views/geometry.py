"""What is done to a picture before a network sees it, as plain values that can stand in a key."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from demeanour.datasets.corruptions import SEVERITIES
from demeanour.errors import ThresholdsError, did_you_mean
from demeanour.vocabulary import CORRUPTIONS

Interpolation = Literal["bilinear", "bicubic"]
Kind = Literal["plain", "scale", "shift", "resolution", "corruption"]
KINDS: tuple[Kind, ...] = ("plain", "scale", "shift", "resolution", "corruption")


@dataclass(frozen=True)
class View:
    """One way to look at every picture of a data set.

    Attributes:
        kind: ``plain``; ``scale`` (zoomed in by a factor), ``shift`` (by pixels of the original along its longer side),
            ``resolution`` (of the network's input) or ``corruption``.
        value: The factor, the pixels, the side in pixels, or the severity 1 … 5; 0 for ``plain``.
        corruption: Its name.

    Raises:
        ThresholdsError: The value makes no sense for the kind, or there is no such kind or corruption.
    """

    kind: Kind = "plain"
    value: float = 0
    corruption: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ThresholdsError(f"there is no view '{self.kind}'; {did_you_mean(self.kind, KINDS)}")
        if (self.corruption is None) == (self.kind == "corruption"):
            raise ThresholdsError(f"view '{self}': a corruption has a name, and nothing else has")
        if self.corruption is not None and self.corruption not in CORRUPTIONS:
            raise ThresholdsError(f"view '{self}': no such corruption; {did_you_mean(self.corruption, CORRUPTIONS)}")
        whole = self.value == math.floor(self.value) if math.isfinite(self.value) else False
        sensible, expected = {
            "plain": (self.value == 0, "no value"),
            "scale": (math.isfinite(self.value) and self.value >= 1, "a factor of 1 or more, as it zooms in"),
            "shift": (whole and self.value >= 0, "a whole number of pixels, 0 or more"),
            "resolution": (whole and self.value >= 1, "a whole number of pixels, 1 or more"),
            "corruption": (self.value in SEVERITIES, f"a severity of {SEVERITIES[0]} … {SEVERITIES[-1]}"),
        }[self.kind]
        if not sensible:
            raise ThresholdsError(f"view '{self}': expected {expected}")

    def __str__(self) -> str:
        """``plain``, ``scale/1.5``, ``shift/30``, ``resolution/336``, ``corruption/fog/3``."""
        value = repr(float(self.value)).removesuffix(".0") if self.kind != "plain" else None
        return "/".join(part for part in (self.kind, self.corruption, value) if part)

    @classmethod
    def parse(cls, text: str) -> View:
        """A view from what ``str`` makes of it.

        Raises:
            ThresholdsError: It is none.
        """
        kind, *rest = text.split("/")
        wanted = {"plain": 0, "corruption": 2}.get(kind, 1)
        try:
            if kind not in KINDS or len(rest) != wanted:
                raise ValueError
            value = float(rest[-1]) if rest else 0
        except ValueError:
            raise ThresholdsError(
                f"'{text}' is no view; expected plain, scale/1.5, shift/30, resolution/336 or corruption/fog/3"
            ) from None
        return cls(kind, value, rest[0] if kind == "corruption" else None)


PLAIN = View()


@dataclass(frozen=True)
class Preprocessing:
    """How a network's pixels are made: resize, centre crop, mean and standard deviation.

    Attributes:
        resize: Length of the shorter side after resizing (antialiased); None leaves the picture as it is.
        interpolation: Of the resizing.
        crop: Side of the square that is cut from the centre; None leaves the picture as it is.
        mean: Of red, green and blue in [0, 1].
        std: Likewise.

    Raises:
        ThresholdsError: A side is below 1, an interpolation unknown, or mean or std would make pixels no numbers.
    """

    resize: int | None
    interpolation: Interpolation
    crop: int | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if any(side is not None and side < 1 for side in (self.resize, self.crop)):
            raise ThresholdsError(f"preprocessing '{self}': sides count pixels, 1 or more")
        if self.interpolation not in get_args(Interpolation):
            hint = did_you_mean(self.interpolation, get_args(Interpolation))
            raise ThresholdsError(f"preprocessing: there is no interpolation '{self.interpolation}' here; {hint}")
        finite = all(map(math.isfinite, (*self.mean, *self.std)))
        if (len(self.mean), len(self.std)) != (3, 3) or not finite or min(self.std) <= 0:
            raise ThresholdsError(
                f"preprocessing: mean {self.mean} and std {self.std} must be three numbers each, std above 0"
            )

    def record(self) -> dict[str, Any]:
        """As plain values, for keys and JSON."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Preprocessing:
        """From ``record``'s values."""
        return cls(**{**record, "mean": tuple(record["mean"]), "std": tuple(record["std"])})

    def __str__(self) -> str:
        resized = f"resize {self.resize} {self.interpolation}" if self.resize else "no resize"
        return f"{resized}, crop {self.crop}" if self.crop else f"{resized}, no crop"


@dataclass(frozen=True)
class Geometry:
    """All that the bytes of a prepared picture depend on: networks with the same geometry see the same bytes.

    Without ``shift`` the picture is resized and its centre is cut out. With it, what is cut out is the window of the
    original that would become that centre, moved; only the window is resized.

    Attributes:
        resize: Length of the shorter side after resizing (antialiased); None leaves the picture as it is.
        interpolation: Of the resizing; None where nothing is resized.
        crop: Side of the square that comes out; None leaves the picture as it is.
        expected: Side that pictures must have, where nothing is done to them.
        shift: How far the window moves along the longer side of the original, to the right or down, in its pixels.
        corruption: What the square is corrupted by at last.
        severity: Of the corruption, 1 … 5.
        corrupted_by: Name and version of the library that corrupts.
    """

    resize: int | None = None
    interpolation: Interpolation | None = None
    crop: int | None = None
    expected: int | None = None
    shift: int | None = None
    corruption: str | None = None
    severity: int | None = None
    corrupted_by: str | None = None

    @property
    def side(self) -> int | None:
        """Side of the square that comes out; None where it is as the pictures are."""
        return self.crop or self.expected

    def record(self) -> dict[str, Any]:
        """As plain values, for keys and JSON."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Geometry:
        """From ``record``'s values."""
        return cls(**record)

    def __str__(self) -> str:
        """``resize 256 bilinear, crop 224``; ``crop 224/256 shifted by 30, resize 224 bilinear``."""
        if self.expected is not None:
            done = f"as they are, {self.expected} × {self.expected}"
        elif self.shift is not None:
            done = f"crop {self.crop}/{self.resize} shifted by {self.shift}, resize {self.crop} {self.interpolation}"
        else:
            done = f"resize {self.resize} {self.interpolation}" if self.resize else "no resize"
            done += f", crop {self.crop}" if self.crop else ", no crop"
        return f"{done}, {self.corruption} {self.severity}" if self.corruption else done
