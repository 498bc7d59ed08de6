"""demeanour: tests of how vision models behave."""

from importlib.metadata import version as _version

__version__ = _version("demeanour")
