"""Preprocessing protocols: what is done to a picture for a network, for a kind of data set, and for a view.

``paper`` is what Beyond-INet (arXiv 2311.09215) does, for a network whose input has a side of s pixels, 224 there:

============  =======================================================  ========================================
view          supervised, with t = ⌊s · 256 / 224⌋                     CLIP
============  =======================================================  ========================================
plain         resize t bilinear, crop s                                its own: resize s bicubic, crop s
scale z       resize ⌊z · t⌋ bilinear, crop s                          resize ⌊z · s⌋ bilinear, crop s
shift p       the central window of s / t of the original's shorter    likewise, with all of the shorter side
              side, moved by p of its pixels along the longer one,
              then resize s bilinear
resolution r  as plain, with r for s                                   as plain, with r for s
corruption    as plain, then corrupted                                 as plain, then corrupted
============  =======================================================  ========================================

Mean and standard deviation are the network's own. Pictures of cue conflicts are not resized for supervised networks, so
they must have its input's size; of views, only ``plain`` and corruptions are defined for them. ImageNet-C's pictures of
224 pixels are resized like any other: enlarged to 256 for supervised networks, and left as they are for CLIP.

``native`` is the preprocessing that a network was made for (or its card's), with the same views: the scale multiplies
its resize, the shift moves the window that its resize and crop would keep, the resolution takes the place of its crop
and multiplies its resize by as much. All keep its own interpolation, so that ``scale/1`` is ``plain``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from demeanour.errors import ThresholdsError, did_you_mean
from demeanour.views.corruptions import library
from demeanour.views.geometry import PLAIN, Geometry, Preprocessing, View

PROTOCOLS = ("paper", "native")
FAMILIES = ("supervised", "clip")
CUE_CONFLICT = "cue-conflict"   # the reader of its cards

# the grids of the paper's §3.7; shifts in pixels of the original
SCALES = (1.0, 1.25, 1.5, 2.0, 3.0)
SHIFTS = (0, 5, 30, 75, 100)
RESOLUTIONS = (112, 224, 336, 512, 640)


@dataclass(frozen=True)
class Steps:
    """All that is done to a picture before a network sees it.

    Attributes:
        protocol: By whose rules.
        geometry: Which bytes are made of the picture.
        mean: Of red, green and blue in [0, 1]: subtracted.
        std: Likewise: divided by.
    """

    protocol: str
    geometry: Geometry
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def side(self) -> int | None:
        """Side of the network's input; None where it is as the pictures are."""
        return self.geometry.side

    def record(self) -> dict[str, Any]:
        """As plain values, for keys and JSON."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Steps:
        """From ``record``'s values."""
        fixed = {
            "geometry": Geometry.of(record["geometry"]),
            "mean": tuple(record["mean"]),
            "std": tuple(record["std"]),
        }
        return cls(**{**record, **fixed})

    def __str__(self) -> str:
        return f"{self.protocol}: {self.geometry}"


def steps(protocol: str, family: str, native: Preprocessing, reader: str, view: View = PLAIN) -> Steps:
    """What a protocol does to pictures.

    Args:
        protocol: ``paper`` or ``native``.
        family: Of the network, ``supervised`` or ``clip``.
        native: The preprocessing that the network was made for, or its card's in place of that.
        reader: Of the data set's card; ``paper`` treats ``cue-conflict`` differently.
        view: How every picture is seen.

    Raises:
        ThresholdsError: There is no such protocol, or it does not define the view for this network and data set.
        NotMeasuredError: The view is a corruption, and the library that corrupts is not installed.
        ValueError: There is no such family.
    """
    if protocol not in PROTOCOLS:
        raise ThresholdsError(f"there is no protocol '{protocol}'; {did_you_mean(protocol, PROTOCOLS)}")
    if family not in FAMILIES:
        raise ValueError(f"there is no family '{family}'; {did_you_mean(family, FAMILIES)}")
    if protocol == "native":
        geometry = _seen(native, view)
    elif family == "clip":
        moved = view.kind in ("scale", "shift")
        geometry = _seen(replace(native, interpolation="bilinear") if moved else native, view)
    elif reader == CUE_CONFLICT:
        geometry = _unresized(native, view)
    else:
        side = int(view.value) if view.kind == "resolution" else _side(native)
        paper = replace(native, resize=side * 256 // 224, interpolation="bilinear", crop=side)
        geometry = _seen(paper, PLAIN if view.kind == "resolution" else view)
    return Steps(protocol, _corrupted(geometry, view), native.mean, native.std)


def _seen(how: Preprocessing, view: View) -> Geometry:
    """A preprocessing's geometry, with a view applied to it."""
    resize, interpolation, crop = how.resize, how.interpolation, how.crop
    if view.kind in ("plain", "corruption"):
        return Geometry(resize, interpolation if resize else None, crop)
    if resize is None or crop is None:
        raise ThresholdsError(f"{view} is not defined for '{how}': it needs a preprocessing that resizes and crops")
    if view.kind == "scale":
        return Geometry(int(view.value * resize), interpolation, crop)
    if view.kind == "shift":
        return Geometry(resize, interpolation, crop, shift=int(view.value))
    side = int(view.value)
    return Geometry(side * resize // crop, interpolation, side)


def _unresized(native: Preprocessing, view: View) -> Geometry:
    """The paper's cue conflicts for supervised networks."""
    if view.kind not in ("plain", "corruption"):
        raise ThresholdsError(f"protocol 'paper' defines no {view} for cue conflicts, which it does not resize")
    return Geometry(expected=_side(native))


def _side(native: Preprocessing) -> int:
    """The side of a network's input."""
    if native.crop is None:
        raise ThresholdsError(f"protocol 'paper' needs the side of the network's input, and '{native}' has none")
    return native.crop


def _corrupted(geometry: Geometry, view: View) -> Geometry:
    if view.corruption is None:
        return geometry
    return replace(geometry, corruption=view.corruption, severity=int(view.value), corrupted_by=library())
