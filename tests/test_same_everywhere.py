"""One question, one answer: however many workers, in whatever order, with whatever number of threads."""

from __future__ import annotations

import json

import pytest

from tests.suite_run import Suite

ONE_OF_EACH_METHOD = (
    "clip-smaller-error-ratio[vit] or clip-worse-calibrated[vit-imagenet-r] or sixteen-point or shape_texture or "
    "imagenet-r and (clip-overconfident or clip-last-bar or bars-below)"
)
SHUFFLE = """
import random
def pytest_collection_modifyitems(items):
    random.Random(7).shuffle(items)
"""


def threads(count: int) -> dict[str, str]:
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(count))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """``verdicts.json`` without its times, of runs that share nothing but predictions and pictures."""
    folder = tmp_path_factory.mktemp("same")
    (folder / "shuffled_order.py").write_text(SHUFFLE)
    suite = Suite(folder)
    ways = {
        "serial": (0, [], {}),
        "workers of one thread each": (2, [], threads(1)),
        "shuffled, in one worker of many threads":
            (1, ["-p", "shuffled_order"], {"PYTHONPATH": str(folder), **threads(8)}),
    }  # fmt: skip
    found = {}
    for way, (workers, options, environment) in ways.items():
        cache = folder / f"cache {way}"
        cache.mkdir()
        if found:
            for kept in ("drawn", "pictures"):
                (cache / kept).symlink_to(folder / "cache serial" / kept)
        run = suite("-k", ONE_OF_EACH_METHOD, *options, workers=workers, name=way.split()[0],
                    DEMEANOUR_CACHE=str(cache), **environment)  # fmt: skip
        assert run.code == 0, run.output
        content = run.verdicts
        assert content["run"].pop("command")
        for key in ("started", "seconds"):
            content["run"].pop(key)
        found[way] = json.dumps(content)
        # nothing was remembered from elsewhere; the tables beside the verdicts are kept there as well
        assert len(list((cache / "decisions").iterdir())) >= len(run.words)
    return found


@pytest.mark.parametrize("way", ["workers of one thread each", "shuffled, in one worker of many threads"])
def test_the_answer_is_the_same(answers: dict[str, str], way: str) -> None:
    assert answers[way] == answers["serial"]


def test_the_question_has_many_parts(answers: dict[str, str]) -> None:
    verdicts = [one for one in json.loads(answers["serial"])["verdicts"] if one["verdict"] != "out of scope"]
    assert len(verdicts) > 16
    assert len({one["measure"] for one in verdicts}) >= 6
