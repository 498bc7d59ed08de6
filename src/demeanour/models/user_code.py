"""Code of the user's own: importing it, calling it, and telling where it failed."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from demeanour.errors import DemeanourError, EvidenceError, NotMeasuredError

_OTHERS = (str(Path(__file__).parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")


@contextmanager
def told(where: str) -> Iterator[None]:
    """Whatever the code within raises becomes an `EvidenceError` with the file and line of the user's that failed."""
    try:
        yield
    except DemeanourError:
        raise
    except Exception as error:
        raise EvidenceError(f"{where}: {_place(error)}{type(error).__name__}: {error}") from error


def _place(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_OTHERS)]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""


def imported(name: str) -> ModuleType:
    """A module by its dotted name.

    Raises:
        EvidenceError: It cannot be imported; says where it failed.
    """
    importlib.invalidate_caches()
    with told(f"'{name}' cannot be imported (a module of the working folder, of PYTHONPATH or installed?)"):
        return importlib.import_module(name)


@contextmanager
def imported_file(path: Path) -> Iterator[ModuleType]:
    """A module from a file, as it is now; within, modules beside it can be imported, too.

    Raises:
        NotMeasuredError: It is missing.
        EvidenceError: It fails; says where.
    """
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing")
    name = f"demeanour_user_{path.stem}"
    spec = spec_from_file_location(name, path, loader=_AsItIs(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        with told(str(path)):
            spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(path.parent))


class _AsItIs(SourceFileLoader):
    """Reads the source, never bytecode: that of another edition of the same second and size would be taken for it."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code
