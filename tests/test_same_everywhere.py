"""One question, one answer: however many workers, in whatever order, with whatever number of threads."""

from __future__ import annotations

import json

import pytest

from tests.suite_run import Suite

ONE_OF_EACH_METHOD = (
    "clip-smaller-error-ratio or clip-worse-calibrated or clip-overconfident or clip-last-bar or sixteen-point "
    "or bars-below or shape_texture"
)
SHUFFLE = """
import random
def pytest_collection_modifyitems(items):
    random.Random(7).shuffle(items)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """``verdicts.json`` without its times, of runs that share nothing but the drawn predictions."""
    folder = tmp_path_factory.mktemp("same")
    (folder / "shuffled_order.py").write_text(SHUFFLE)
    suite = Suite(folder)
    ways = {
        "serial": (0, [], {}),
        "one worker": (1, [], {}),
        "four workers": (4, [], {}),
        "shuffled": (0, ["-p", "shuffled_order"], {"PYTHONPATH": str(folder)}),
        "one thread": (0, [], {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}),
        "many threads": (0, [], {"OMP_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "8", "MKL_NUM_THREADS": "8"}),
    }
    found = {}
    for way, (workers, options, environment) in ways.items():
        cache = folder / f"cache {way}"
        cache.mkdir()
        if found:
            (cache / "drawn").symlink_to(folder / "cache serial" / "drawn")
        run = suite("-k", ONE_OF_EACH_METHOD, *options, workers=workers, name=way.replace(" ", "-"),
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


@pytest.mark.parametrize(
    "way", ["one worker", "four workers", "shuffled", "one thread", "many threads"]
)
def test_the_answer_is_the_same(answers: dict[str, str], way: str) -> None:
    assert answers[way] == answers["serial"]


def test_the_question_has_many_parts(answers: dict[str, str]) -> None:
    verdicts = [one for one in json.loads(answers["serial"])["verdicts"] if one["verdict"] != "out of scope"]
    assert len(verdicts) > 20
    assert len({one["measure"] for one in verdicts}) >= 6
