"""Pictures of one page: each is embedded once, and the letters that they are written with are shared by all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"(url\(#|^#)([^)]+)")
_LONG = re.compile(r"(\.\d\d)\d+")   # a hundredth of a point is finer than any screen
_SPACE = re.compile(r"\s*([A-Za-z])\s*")


def inline(pictures: Sequence[str]) -> tuple[list[str], str]:
    """SVG documents as elements of one HTML page.

    What a document could do to the rest of the page is taken from it: its style sheet becomes an attribute of its
    own, its ids are renamed, its comments and metadata go.

    Args:
        pictures: SVG documents, all different.

    Returns:
        An ``<svg>`` element for each, and one that must stand before them all, with the shapes that they share.
    """
    shared: dict[str, str] = {}
    trees = [ElementTree.fromstring(picture) for picture in pictures]   # noqa: S314 (they are our own plots)
    drawn = [_inline(tree, index, shared) for index, tree in enumerate(trees)]
    shapes = "".join(f'<g id="{name}">{shape}</g>' for shape, name in shared.items())
    return drawn, f'<svg width="0" height="0" class="shapes" aria-hidden="true">{shapes}</svg>' if shapes else ""


def _inline(root: ElementTree.Element, index: int, shared: dict[str, str]) -> str:
    names: dict[str, str] = {}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}style":
                root.set("style", (child.text or "").partition("{")[2].partition("}")[0])
            if child.tag in (f"{_SVG}style", f"{_SVG}metadata"):
                parent.remove(child)
            elif child.tag == f"{_SVG}path" and parent.tag == f"{_SVG}defs" and "id" in child.attrib:
                name = child.attrib.pop("id")
                names[name] = shared.setdefault(_shape(child), f"shape-{len(shared)}")
                parent.remove(child)
    for element in root.iter():
        name = element.attrib.pop("id", "")
        if name and element.tag in (f"{_SVG}clipPath", f"{_SVG}pattern"):
            names[name] = f"picture-{index}-{name}"
            element.set("id", names[name])
    for element in root.iter():
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
        for key in ("href", "clip-path", "style"):
            if key in element.attrib:
                element.set(key, _REFERENCE.sub(lambda m: m[1] + names[m[2]], element.attrib[key]))
    return _text(root)


def _shape(path: ElementTree.Element) -> str:
    """A letter as HTML; the same few come back in every picture."""
    return _written(tuple(path.attrib.items()))


@cache
def _written(attributes: tuple[tuple[str, str], ...]) -> str:
    return _text(ElementTree.Element("path", dict(attributes)))


def _text(element: ElementTree.Element) -> str:
    """The element as HTML writes it, without the space that only a reader of the source would miss."""
    for part in element.iter():
        part.tag = part.tag.removeprefix(_SVG)
        part.text = part.text.strip() if part.text else None
        part.tail = None
        for key in ("d", "x", "y", "transform"):
            if key in part.attrib and "scale" not in part.attrib[key]:
                part.set(key, _LONG.sub(r"\1", part.attrib[key]))
        if "d" in part.attrib:
            part.set("d", _SPACE.sub(r"\1", part.attrib["d"]))
    return ElementTree.tostring(element, encoding="unicode")
