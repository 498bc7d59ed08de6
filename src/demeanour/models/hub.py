"""Published weights: from the caches of the hub and of torch, or downloaded where that is allowed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError

from demeanour.errors import NotMeasuredError

DOWNLOAD = "DEMEANOUR_DOWNLOAD"   # set by the option --download
_HOW = "get it with the option `--download`"


def may_download() -> bool:
    """Whether ``$DEMEANOUR_DOWNLOAD`` allows what ``$HF_HUB_OFFLINE`` does not forbid."""
    return _is_on(DOWNLOAD) and not _is_on("HF_HUB_OFFLINE")


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no")


def hub_file(repository: str, names: Sequence[str], revision: str | None = None) -> Path:
    """The first of several files that a repository of the Hugging Face hub has.

    Args:
        repository: ``ORG/REPO``.
        names: Of files, the preferred one first.
        revision: A branch, tag or commit.

    Raises:
        NotMeasuredError: None is in the cache, and it may not or cannot be downloaded.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    why = _HOW
    for name in names:
        try:
            return Path(hf_hub_download(repository, name, revision=revision, local_files_only=not may_download()))
        except LocalEntryNotFoundError as error:
            why = f"the hub cannot be reached: {error}" if may_download() else why
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise NotMeasuredError(f"hf-hub:{repository}: {str(error).strip().splitlines()[0]}") from error
    raise NotMeasuredError(f"{' or '.join(names)} of hf-hub:{repository} is not in {constants.HF_HUB_CACHE}; {why}")


def url_file(url: str) -> Path:
    """A file that torch's hub keeps under the last part of its address.

    Raises:
        NotMeasuredError: It is not there, and may not or cannot be downloaded.
    """
    from torch import hub

    path = Path(hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if not path.is_file():
        if not may_download():
            raise NotMeasuredError(f"{path} is missing; {_HOW}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            hub.download_url_to_file(url, str(path), progress=False)
        except (URLError, OSError) as error:
            raise NotMeasuredError(f"{url} cannot be downloaded: {error}") from error
    return path
