"""Sources are read as they are written, and what is none says how to write it."""

from __future__ import annotations

import pytest

from demeanour.errors import ThresholdsError
from demeanour.models.source import SCHEMES, Source, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("timm:resnet50", Source("timm", "resnet50")),
        ("timm:resnet50.a1_in1k", Source("timm", "resnet50.a1_in1k")),
        ("timm:resnet50@/data/x.pth", Source("timm", "resnet50", "/data/x.pth")),
        ("timm:convnext_base.fb_in22k@x@home/b@c.pth", Source("timm", "convnext_base.fb_in22k", "x@home/b@c.pth")),
        ("open_clip:ViT-B-16@laion400m_e31", Source("open_clip", "ViT-B-16", "laion400m_e31")),
        ("open_clip:ViT-B-16-quickgelu@/a@b/c.pt", Source("open_clip", "ViT-B-16-quickgelu", "/a@b/c.pt")),
        ("hf-hub:timm/resnet50.a1_in1k", Source("hf-hub", "timm/resnet50.a1_in1k")),
        ("hf-hub:laion/CLIP-ViT-B-16@abc123", Source("hf-hub", "laion/CLIP-ViT-B-16", "abc123")),
        ("python:my.networks:make", Source("python", "my.networks:make")),
        ("python:my.networks:make@w.pth", Source("python", "my.networks:make", "w.pth")),
        ("python:/home/me@work/net.py:make", Source("python", "/home/me@work/net.py:make")),
        ("python:/a@b/net.py:make@/c@d/w.pth", Source("python", "/a@b/net.py:make", "/c@d/w.pth")),
        ("python:net.py:make", Source("python", "net.py:make")),
        ("onnx:/data/a@b.onnx", Source("onnx", "/data/a@b.onnx")),
        ("predictions:tables/a:b@c", Source("predictions", "tables/a:b@c")),
    ],
)
def test_sources_are_read_and_written_alike(text: str, source: Source) -> None:
    assert parse_source(text) == source
    assert str(source) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet50", "names no scheme; write timm:resnet50"),
        ("", "names no scheme"),
        ("tim:resnet50", "did you mean 'timm'?"),
        ("Timm:resnet50", "did you mean 'timm'?"),
        ("openclip:ViT-B-16@x", "did you mean 'open_clip'?"),
        ("hf_hub:timm/x", "did you mean 'hf-hub'?"),
        ("xyz:x", "known: hf-hub, onnx"),
        ("timm:", "is not of the form timm:NAME"),
        ("timm:resnet50@", "is not of the form timm:NAME"),
        ("timm:timm/resnet50", "a repository of the hub is hf-hub:ORG/REPO"),
        ("open_clip:ViT-B-16", "is not of the form open_clip:NAME@TAG"),
        ("hf-hub:resnet50", "is not of the form hf-hub:ORG/REPO"),
        ("python:my.networks", "is not of the form python:MODULE:FACTORY"),
        ("python:my-networks:make", "is not of the form python:MODULE:FACTORY"),
        ("python:/a/net.py:make()", "is not of the form python:MODULE:FACTORY"),
        ("onnx:", "is not of the form onnx:FILE"),
    ],
)
def test_what_is_no_source_says_how_to_write_one(text: str, message: str) -> None:
    with pytest.raises(ThresholdsError) as error:
        parse_source(text)
    assert message in str(error.value)


def test_names_are_case_sensitive() -> None:
    assert parse_source("open_clip:ViT-B-16@x") != parse_source("open_clip:vit-b-16@x")
    assert all(scheme == scheme.lower() for scheme in SCHEMES)
