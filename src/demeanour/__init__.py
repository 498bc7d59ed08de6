"""demeanour: tests of how vision models behave."""

from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version

try:
    __version__ = _version("demeanour")
except _PackageNotFoundError:   # run from a clone that nobody installed
    __version__ = "0.1.0"
