"""Where networks run: GPUs that the caller may see, or the cores of this machine; one evaluator on each."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from shutil import which

from demeanour.errors import ThresholdsError

_SLOT = re.compile(r"cpu|mps|cuda:\d+")


def devices(wanted: str = "auto", environment: Mapping[str, str] = os.environ) -> list[str]:
    """The devices to evaluate on, as torch names them.

    Args:
        wanted: ``auto`` (all GPUs that there are, else the CPU), ``cpu``, ``cuda`` (all GPUs), or some of them:
            ``cuda:0,cuda:2``, counted as the caller's ``CUDA_VISIBLE_DEVICES`` lets torch count.
        environment: Whose ``CUDA_VISIBLE_DEVICES`` holds.

    Raises:
        ThresholdsError: There is no such device.
    """
    if wanted in ("auto", "cuda"):
        found = [f"cuda:{index}" for index in range(len(visible_gpus(environment)))]
        if not found and wanted == "cuda":
            raise ThresholdsError("--device cuda: there is no GPU that may be used here; see CUDA_VISIBLE_DEVICES")
        return found or ["cpu"]
    chosen = wanted.split(",")
    for one in chosen:
        if not _SLOT.fullmatch(one):
            raise ThresholdsError(f"--device {wanted}: '{one}' is none of auto, cpu, mps, cuda, cuda:N")
        if one.startswith("cuda:") and int(one[5:]) >= len(visible_gpus(environment)):
            count = len(visible_gpus(environment))
            raise ThresholdsError(f"--device {wanted}: {count} GPUs may be used here; see CUDA_VISIBLE_DEVICES")
    if len(set(chosen)) < len(chosen):
        raise ThresholdsError(f"--device {wanted}: a device stands twice")
    return chosen


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that the caller may use, by index or UUID: those of ``CUDA_VISIBLE_DEVICES``, or all."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:   # from the first that is no device on, CUDA sees none
        listed: list[str] = []
        for one in (part.strip() for part in named.split(",")):
            if not one or one.startswith("-") or one in listed:
                break
            listed.append(one)
        return listed if which("nvidia-smi") else []
    return _all_gpus()


def slot(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """A name of the physical device on this machine, by which evaluators of several runs keep off each other."""
    host = re.sub(r"\W", "-", platform.node())
    if not device.startswith("cuda:"):
        return f"{host}-{device}"
    seen: Sequence[str] = visible_gpus(environment)
    return f"{host}-gpu-{seen[int(device[5:])]}"


def cores() -> int:
    """How many cores this process may use."""
    if os.environ.get("DEMEANOUR_CORES"):   # where several evaluators share them
        return int(os.environ["DEMEANOUR_CORES"])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _all_gpus() -> list[str]:
    command = which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run(   # noqa: S603 - a fixed command
            [command, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()
