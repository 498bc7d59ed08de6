"""Data sets of the Hugging Face hub: nothing is downloaded unless the user allows it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from demeanour.errors import EvidenceError, NotMeasuredError

_GIGABYTES = {"facebook/PUG_ImageNet": 29.4, "taesiri/imagenet-hard-4K": 66.1}   # as their cards tell


def at_hand(repo: str, pattern: str, folder: Path, allow: bool, download: Callable[..., str] | None = None) -> None:
    """Make sure that a data set's files are in a folder: what was downloaded to its end is not asked for again.

    Args and errors are those of `fetch`.
    """
    mark = folder / f".complete-{hashlib.sha256(pattern.encode()).hexdigest()[:12]}"
    if not mark.exists():
        fetch(repo, pattern, folder, allow, download)
        mark.touch()


def fetch(repo: str, pattern: str, folder: Path, allow: bool, download: Callable[..., str] | None = None) -> Path:
    """Download files of a data set into a folder; what is there already and complete is not downloaded again.

    Args:
        repo: The data set's repository, such as ``taesiri/imagenet-hard``.
        pattern: Which of its files, such as ``data/validation-*.parquet`` or ``test/*``.
        folder: Where they go, below it as in the repository.
        allow: Whether the user allows it.
        download: In place of ``huggingface_hub.snapshot_download``, with the same keywords.

    Returns:
        The folder.

    Raises:
        NotMeasuredError: It is not allowed (the message tells how to obtain the files, and how large the data set is
            where that is known), or the download fails.
        EvidenceError: The repository has no such files.
    """
    if not allow:
        size = f" ({_GIGABYTES[repo]} GB)" if repo in _GIGABYTES else ""
        command = f"hf download {repo} --repo-type dataset --include '{pattern}' --local-dir '{folder}'"
        raise NotMeasuredError(f"{repo}{size} is not here; get it with the option `--download`, or run: {command}")
    if download is None:
        from huggingface_hub import snapshot_download

        download = snapshot_download
    try:
        download(repo, repo_type="dataset", allow_patterns=pattern, local_dir=folder)
    except Exception as error:   # of the network, the hub, the disk: each library below has its own kinds
        raise NotMeasuredError(f"{repo} could not be downloaded into {folder}: {error}") from error
    if not any(path.is_file() for path in folder.glob(pattern)):
        raise EvidenceError(f"{repo} has no files {pattern}; see https://huggingface.co/datasets/{repo}/tree/main")
    return folder
