"""Where in a picture the prepared square lies, to the pixel as torchvision and the paper's authors place it."""

from __future__ import annotations

from demeanour.views.geometry import Geometry

Size = tuple[int, int]            # width, height
Box = tuple[int, int, int, int]   # left, top, right, bottom; what is beyond the picture is black


def resized(size: Size, shorter: int) -> Size:
    """The size of a picture when its shorter side has a given length; the longer one is rounded down."""
    width, height = size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def centred(size: Size, side: int) -> Box:
    """The square in the centre; halves of a pixel are rounded to even when it is cut out, down when it is padded."""
    left, top = (round((have - side) / 2) if have >= side else -((side - have) // 2) for have in size)
    return left, top, left + side, top + side


def window(size: Size, geometry: Geometry) -> Box:
    """The square of the original that becomes what comes out of a shift; at shift 0, the centre.

    Its side is ``crop / resize`` of the shorter side. It moves along the longer side, down where both are equal. The
    order of the operations is the authors' (transforms.py, ``CropShift``): a tenth of all sizes are rounded otherwise
    when it changes.

    Args:
        size: Of the original, width and height.
        geometry: With ``resize``, ``crop`` and ``shift``.
    """
    crop, resize, shift = geometry.crop, geometry.resize, geometry.shift
    assert crop is not None
    assert resize is not None
    assert shift is not None
    shorter, longer = min(size), max(size)
    along = int((longer / shorter * resize - crop) / 2 * shorter / resize + shift)
    across = int((resize - crop) / 2 * shorter / resize)
    side = int(crop * shorter / resize)
    left, top = (along, across) if size[0] > size[1] else (across, along)
    return left, top, left + side, top + side


def padding(size: Size, geometry: Geometry) -> float:
    """How much of the prepared square lies beyond the picture and is black: a share of its area, in [0, 1].

    Args:
        size: Of the original, width and height.
        geometry: What is done to it.
    """
    if geometry.crop is None:
        return 0.0
    if geometry.shift is not None:
        left, top, right, bottom = window(size, geometry)
    else:
        size = resized(size, geometry.resize) if geometry.resize else size
        left, top, right, bottom = centred(size, geometry.crop)
    width = max(min(right, size[0]) - max(left, 0), 0)
    height = max(min(bottom, size[1]) - max(top, 0), 0)
    return 1 - width * height / ((right - left) * (bottom - top))
