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
    spare_matplotlib()
    gc.disable()
    try:
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


def spare_matplotlib() -> None:
    """Keep torchmetrics from importing matplotlib, 0.4 s, which it does just to name its types.

    It asks a flag of its own, which is private: set it before anything else can read it. The plots
    of torchmetrics, which nothing here draws, then say that matplotlib is missing.
    """
    name = "torchmetrics.utilities.imports"
    package = find_spec("torchmetrics")
    if name in sys.modules or not package or not package.submodule_search_locations:
        return
    path = Path(package.submodule_search_locations[0], "utilities", "imports.py")
    spec = spec_from_file_location(name, path)
    if spec and spec.loader and path.is_file():
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
        module._MATPLOTLIB_AVAILABLE = False  # type: ignore[attr-defined]
