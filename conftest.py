"""A run of the suite: its options and the plugins that make it; the parts are in ``fixtures/``."""

from __future__ import annotations

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:   # before numpy starts its threads: n workers share the cores, they don't fight
    share = (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(max(1, share))
        os.environ["DEMEANOUR_SHARED_THREADS"] = "1"   # for the workers, not for the evaluators that they start

pytest_plugins = [
    "fixtures.report", "fixtures.thresholds", "fixtures.cases", "fixtures.evaluation", "fixtures.evidence",
    "fixtures.judge", "fixtures.live", "fixtures.schedule", "fixtures.crashes", "fixtures.paper",
    "fixtures.beside", "fixtures.gate",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the behaviours."""
    from demeanour.findings.thresholds import DEFAULT_CAST

    group = parser.getgroup("behaviours", "how models behave")
    group.addoption("--cast", default=DEFAULT_CAST, metavar="NAME|FILE", help="who plays, on what data: a cast "
                    f"of thresholds/casts/, or a YAML file (default: {DEFAULT_CAST})")  # fmt: skip
    group.addoption("--findings", default=None, metavar="DIR", help="a folder of findings (default: "
                    "thresholds/findings/)")  # fmt: skip
    group.addoption("--candidate", action="append", default=[], metavar="[NAME=]SPEC", help="a model that would "
                    "replace the one of --as: a source as cards have it, or a file of weights; several may be given")
    group.addoption("--as", dest="role", default=None, metavar="MODEL", help="the model of the cast that a candidate "
                    "would replace: its baseline")
    group.addoption("--gate", default=None, metavar="FILE", help="the release policy (default: the cast's, or "
                    "thresholds/gate.yaml)")
    group.addoption("--baseline", default=None, metavar="DIR", help="what the model of --as said when it was pinned "
                    "(`demeanour baseline record`); it need not be there any more")
    group.addoption("--reports", default=None, metavar="DIR", help="where the reports go (default: reports/)")
