"""Heads are open_clip's, each is made once, and what is kept is verified."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.learning import networks
from demeanour.models import zero_shot
from demeanour.models.description import identity
from demeanour.models.heads import kept_head

PARTS = {"text": "a", "names": ["cat"]}


def ignored(_done: int, _of: int) -> None:
    pass


def head_of(value: float) -> Callable[[], NDArray[np.float32]]:
    return lambda: np.full((2, 1), value, dtype=np.float32)


@pytest.fixture(scope="module")
def clip() -> tuple[Any, Any]:
    return networks.untrained("ViT-clip").eval(), open_clip.get_tokenizer("miniature-vit")


# --- names and templates


def test_the_lists_are_open_clips() -> None:
    assert zero_shot.class_names("imagenet") == tuple(open_clip.IMAGENET_CLASSNAMES)
    for name, count, own in (
        ("imagenet", 80, open_clip.OPENAI_IMAGENET_TEMPLATES),
        ("simple", 7, open_clip.SIMPLE_IMAGENET_TEMPLATES),
    ):
        patterns = zero_shot.templates(name)
        assert len(patterns) == count
        assert zero_shot.prompts(["axolotl"], patterns) == [one("axolotl") for one in own]


def test_names_that_stand_for_two_classes_are_noted() -> None:
    notes = zero_shot.repeated(zero_shot.class_names("imagenet"))
    assert notes == (
        "classes 657, 744 have the same name 'missile' and so the same logits",
        "classes 836, 837 have the same name 'sunglasses' and so the same logits",
    )


def test_a_users_own_lists(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('["cat", "a {strange} one"]')
    (tmp_path / "names.txt").write_text("cat\n  a {strange} one\n\n")
    (tmp_path / "templates.txt").write_text("a photo of a {}.\r\nthe {c}, by {c}\n")
    for name in ("names.json", "names.txt"):
        names = zero_shot.class_names(str(tmp_path / name))
        assert names == ("cat", "a {strange} one")
    patterns = zero_shot.templates(str(tmp_path / "templates.txt"))
    assert zero_shot.prompts(names, patterns) == [
        "a photo of a cat.",
        "the cat, by cat",
        "a photo of a a {strange} one.",
        "the a {strange} one, by a {strange} one",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"0": "cat"}', "expected a list of texts"),
        ("a.json", '["cat", 3]', "expected a list of texts"),
        ("a.json", '["cat"', "no valid JSON"),
        ("a.json", "[]", "the list is empty"),
        ("a.json", '["cat", " "]', "entry 1 is empty"),
        ("a.txt", "cat\n\ndog\n", "entry 1 is empty"),
        ("a.txt", "", "entry 0 is empty"),
        ("a.txt", b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EvidenceError, match=message):
        zero_shot.class_names(str(tmp_path / name))


def test_a_missing_list_and_a_template_without_a_place(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="did you mean 'imagenet'"):
        zero_shot.class_names("imagnet")
    with pytest.raises(NotMeasuredError, match=r"absent\.txt is missing; it holds the templates"):
        zero_shot.templates(str(tmp_path / "absent.txt"))
    (tmp_path / "t.txt").write_text("a photo of a {}.\na photo\n")
    with pytest.raises(EvidenceError, match="'a photo' has no place for the name"):
        zero_shot.templates(str(tmp_path / "t.txt"))


# --- heads


def test_a_head_is_what_open_clip_makes_of_it(clip: tuple[Any, Any]) -> None:
    model, tokenizer = clip
    names = zero_shot.class_names("imagenet")[:13]
    told: list[tuple[int, int]] = []
    head = zero_shot.build_head(
        model, tokenizer, names, zero_shot.templates("imagenet"), lambda *counts: told.append(counts)
    )
    own = open_clip.build_zero_shot_classifier(model, tokenizer, names, open_clip.OPENAI_IMAGENET_TEMPLATES)
    assert head.dtype == np.float32
    np.testing.assert_allclose(head, own.numpy(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(head, axis=0), 1, atol=1e-6)
    assert told == [(800, 1040), (1040, 1040)]


def test_a_prompt_that_would_be_cut_is_refused(clip: tuple[Any, Any]) -> None:
    long = "cat " * 23   # with its two marks 25 tokens; the miniature reads 24
    zero_shot.build_head(*clip, [long.removesuffix("cat ")], ["{}"], ignored)
    with pytest.raises(EvidenceError, match="is of 25 tokens; the text tower reads 24"):
        zero_shot.build_head(*clip, [long], ["{}"], ignored)


def test_an_embedding_that_is_not_finite_is_refused() -> None:
    model = networks.untrained("ViT-clip").eval()
    model.get_parameter("ln_final.weight").data[0] = torch.nan
    with pytest.raises(EvidenceError, match="embedding of 'cat' or of a name near it is not finite"):
        zero_shot.build_head(model, open_clip.get_tokenizer("miniature-vit"), ["cat"], ["{}"], ignored)


def test_tokenizers_are_told_apart_by_what_they_do() -> None:
    identities = {
        zero_shot.tokenizer_identity(tokenizer, ["A cat", "dog."], ["{}", "the {}"])
        for tokenizer in (
            open_clip.SimpleTokenizer(),
            open_clip.SimpleTokenizer(context_length=24),
            open_clip.SimpleTokenizer(clean="canonicalize"),
        )
    }
    assert len(identities) == 3
    again = zero_shot.tokenizer_identity(open_clip.SimpleTokenizer(), ["A cat", "dog."], ["{}", "the {}"])
    assert again in identities


# --- on disk


def test_a_head_is_made_once(tmp_path: Path) -> None:
    said: list[str] = []
    first = kept_head(tmp_path, PARTS, head_of(1), said.append)
    second = kept_head(tmp_path, PARTS, head_of(2), said.append)
    other = kept_head(tmp_path, {**PARTS, "names": ["dog"]}, head_of(3), said.append)
    assert (first[0, 0], second[0, 0], other[0, 0]) == (1, 1, 3)
    assert second.dtype == np.float32
    assert not said
    record = json.loads((tmp_path / "heads" / f"{identity(**PARTS)}.json").read_text())
    assert record["parts"] == PARTS


@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone", "another's"])
def test_a_damaged_head_is_made_anew_and_said_so(tmp_path: Path, damage: str) -> None:
    said: list[str] = []
    kept_head(tmp_path, PARTS, head_of(1), said.append)
    path = tmp_path / "heads" / f"{identity(**PARTS)}.npy"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "another's":
        kept_head(tmp_path, {}, head_of(9), said.append)
        path.write_bytes(path.with_name(f"{identity()}.npy").read_bytes())
    else:
        path.write_bytes(data[:-1] if damage == "truncated" else data[:-1] + bytes([data[-1] ^ 1]))
    assert kept_head(tmp_path, PARTS, head_of(2), said.append)[0, 0] == 2
    assert said == [f"{path} was damaged; the zero-shot head is made anew"]
    assert kept_head(tmp_path, PARTS, head_of(3), said.append)[0, 0] == 2
    assert len(said) == 1


def test_a_head_without_its_checksum_was_never_finished(tmp_path: Path) -> None:
    said: list[str] = []
    kept_head(tmp_path, PARTS, head_of(1), said.append)
    (tmp_path / "heads" / f"{identity(**PARTS)}.json").unlink()
    assert kept_head(tmp_path, PARTS, head_of(2), said.append)[0, 0] == 2
    assert not said


def test_where_nothing_can_be_kept_the_head_is_made_all_the_same(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "file").write_text("no folder")
    assert kept_head(tmp_path / "file", PARTS, head_of(1), said.append)[0, 0] == 1
    assert "the zero-shot head is not kept" in said[0]


def test_a_full_disk_loses_the_file_but_not_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    said: list[str] = []
    monkeypatch.setattr("demeanour.models.heads.write_whole", full)
    assert kept_head(tmp_path, PARTS, head_of(1), said.append)[0, 0] == 1
    assert "No space left on device" in said[0]


def test_what_making_raises_is_not_remembered(tmp_path: Path) -> None:
    def fail() -> NDArray[np.float32]:
        raise EvidenceError("no")

    with pytest.raises(EvidenceError):
        kept_head(tmp_path, PARTS, fail, print)
    assert kept_head(tmp_path, PARTS, head_of(1), print)[0, 0] == 1


BUILDER = """
import sys, time
from pathlib import Path
import numpy as np
from demeanour.models.description import identity
from demeanour.models.heads import kept_head

root, name = Path(sys.argv[1]), sys.argv[2]

def make():
    (root / f"made-{name}").touch()
    for _ in range(600):   # until the other one has come, too
        if len(list(root.glob("here-*"))) == 2:
            break
        time.sleep(0.05)
    time.sleep(0.3)
    return np.full((2, 1), float(name), dtype=np.float32)

(root / f"here-{name}").touch()
print(kept_head(root, {"of": "both"}, make, print)[0, 0])
"""


def test_of_two_processes_one_makes_the_head(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", BUILDER, tmp_path, name], stdout=subprocess.PIPE, text=True)
        for name in ("1", "2")
    ]
    answers = {process.communicate(timeout=60)[0].strip() for process in processes}
    made = [path.name.removeprefix("made-") for path in tmp_path.glob("made-*")]
    assert len(made) == 1
    assert answers == {f"{made[0]}.0"}
