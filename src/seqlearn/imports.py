"""What the command imports that is large, Lightning and all it needs, with less of a wait."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

fresh = False
"""Whether nothing but imports has gone on in this process."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without a search for garbage, then or later: of what is imported nothing goes.

    Python would search the million objects of torch and Lightning again and again, at its end too;
    that is a quarter of the time of a short run.
    """
    global fresh
    first, collecting = "lightning" not in sys.modules, gc.isenabled()
    gc.disable()
    try:
        with spared():
            yield
    finally:
        if first:  # later there may be garbage, which must not be kept
            gc.freeze()
            fresh = True
        if collecting:
            gc.enable()


def keep_imports() -> None:
    """Take what the first command has imported since out of the search for garbage as well.

    Weights & Biases comes late: to search it took a fifth of the time of a small network's steps.
    """
    global fresh
    if fresh:
        gc.freeze()
        fresh = False


@contextmanager
def spared() -> Iterator[None]:
    """Keep torchmetrics from importing what nothing here asks it for, if it is not there yet.

    That is matplotlib, 0.4 s, just to name its types, and SciPy, 0.7 s, for the sake of metrics of
    sound. It asks flags of its own, which are private: set them before anything else can read them.
    What of torchmetrics needs these packages then says that they are missing.
    """
    name = "torchmetrics.utilities.imports"
    package = find_spec("torchmetrics")
    if name in sys.modules or not package or not package.submodule_search_locations:
        yield
        return
    path = Path(package.submodule_search_locations[0], "utilities", "imports.py")
    spec = spec_from_file_location(name, path)
    if spec and spec.loader and path.is_file():
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
        for flag in ("_MATPLOTLIB_AVAILABLE", "_SCIPI_AVAILABLE", "_SCIPY_AVAILABLE"):
            setattr(module, flag, False)
    with missing("scipy"):
        yield


@contextmanager
def missing(package: str) -> Iterator[None]:
    """Let a package that is not imported yet look as if it were not installed, for a while."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what Python does not look for
    try:
        yield
    finally:
        del sys.modules[package]
        if asked := sys.modules.get("lightning_utilities.core.imports"):
            asked.package_available.cache_clear()  # it would remember
