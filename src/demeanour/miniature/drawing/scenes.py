"""What a picture shows, before anyone draws it: objects, their looks and places, light, background, occluder, style."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

BACKGROUNDS = ("plain", "gradient", "room", "wallpaper", "grass", "clouds", "chequered floor", "lights")
OCCLUDERS = ("none", "post", "board", "leaves", "box", "person")

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Angles = NDArray[np.floating]


@dataclass(frozen=True)
class Objects:
    """The solids of all pictures, a row for each.

    Attributes:
        scene: (m,) the picture it stands in, by row.
        solid: (m,) position in ``SOLIDS``.
        texture: (m,) position in ``TEXTURES``, or −1 for none.
        colours: (m, 2, 3) the first colour and that of the texture's pattern, RGB in [0, 1].
        rotation: (m, 3, 3) from the solid's own frame (y up, best side to +z) to the picture's (x right, y up, z out).
        centre: (m, 2) in half sides of the picture from its centre, x right and y up.
        scale: (m,) half sides of the picture per unit of the solid, which has a radius of 1 at most.
        stretch: (m,) how much taller than usual: 1 is as usual.
        nearness: (m,) what is nearer hides what is farther.
        gloss: (m,) strength of the highlight, from 0 to 1.
        fineness: (m,) of the texture: 1 is as usual.
        seed: (m,) of the texture's randomness.
    """

    scene: Codes
    solid: Codes
    texture: Codes
    colours: Floats
    rotation: Floats
    centre: Floats
    scale: Floats
    stretch: Floats
    nearness: Floats
    gloss: Floats
    fineness: Floats
    seed: Codes


@dataclass(frozen=True)
class Scenes:
    """A number of pictures to be drawn.

    Attributes:
        objects: What stands in them.
        background: (n,) position in ``BACKGROUNDS``.
        background_colours: (n, 2, 3) RGB in [0, 1].
        background_seed: (n,) of its randomness.
        horizon: (n,) height of the floor's far edge, in half sides above the centre.
        roll: (n,) of the camera in radians: tilts the background; objects have it in their rotation.
        light: (n, 3) unit vector towards the light.
        ambient: (n,) the share of light that comes from everywhere.
        exposure: (n,) factor on all light: 1 is as usual.
        tint: (n, 3) the light's colour.
        style: (n,) position in ``names.STYLES``.
        occluder: (n,) position in ``OCCLUDERS``.
        occluder_centre: (n, 2) in half sides.
        occluder_size: (n,) 1 is about as large as the picture's half.
        occluder_colours: (n, 2, 3) RGB in [0, 1].
    """

    objects: Objects
    background: Codes
    background_colours: Floats
    background_seed: Codes
    horizon: Floats
    roll: Floats
    light: Floats
    ambient: Floats
    exposure: Floats
    tint: Floats
    style: Codes
    occluder: Codes
    occluder_centre: Floats
    occluder_size: Floats
    occluder_colours: Floats

    def __len__(self) -> int:
        return len(self.background)

    def take(self, rows: Codes) -> Scenes:
        """Some of the pictures, in the order asked for; a picture may be asked for once."""
        position = np.full(len(self), -1)
        position[rows] = np.arange(len(rows))
        kept = position[self.objects.scene] >= 0
        objects = {field.name: getattr(self.objects, field.name)[kept] for field in fields(Objects)}
        objects["scene"] = position[objects["scene"]]
        rest = {field.name: getattr(self, field.name)[rows] for field in fields(Scenes) if field.name != "objects"}
        return Scenes(objects=Objects(**objects), **rest)


def rotation(yaw: Angles, pitch: Angles, roll: Angles) -> Floats:
    """Rotation matrices (n, 3, 3): first about the upright axis, then nodding, then in the picture's plane.

    Args:
        yaw: Radians, (n,); positive turns the best side to the right.
        pitch: Radians, (n,); positive shows the top.
        roll: Radians, (n,); positive turns counter-clockwise.
    """
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def stacked(*rows: tuple[Angles, Angles, Angles]) -> Angles:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    turn = stacked((np.cos(yaw), zero, np.sin(yaw)), (zero, one, zero), (-np.sin(yaw), zero, np.cos(yaw)))
    nod = stacked((one, zero, zero), (zero, np.cos(pitch), -np.sin(pitch)), (zero, np.sin(pitch), np.cos(pitch)))
    tilt = stacked((np.cos(roll), -np.sin(roll), zero), (np.sin(roll), np.cos(roll), zero), (zero, zero, one))
    result: Floats = (tilt @ nod @ turn).astype(np.float32)
    return result
