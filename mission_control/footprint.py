"""What keeps the process small and quick, and has to be said before or after everything is loaded."""

import gc
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

YOUNG: Final = 50_000
"""Objects made before Python looks for cycles: a batch makes many at once, and none of them in cycles."""


TURN_SECONDS: Final = 0.0005
"""How long one thread may keep the interpreter while others want it. With Python's own 5 ms, a request that needs a few short turns waits
tens of milliseconds behind threads that compute."""


class _Absent(importlib.abc.MetaPathFinder):
    """Makes a package count as not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002  importlib's
        if fullname == self._name:
            raise ModuleNotFoundError(f"{fullname} is not used here", name=fullname)
        return None


def without_pandas() -> None:
    """pyarrow imports pandas with the first array, only to ask whether the values come from there.

    They never do; it would cost 50 MB and a second in which the first records wait. To call before the first array.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Absent("pandas"))


def settle() -> None:
    """To call once everything is loaded: what is here now stays, so it need not be looked at again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
    sys.setswitchinterval(TURN_SECONDS)
