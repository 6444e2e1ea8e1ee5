"""A command that ends as by `kill -9` at one exact moment: `python -m tests.system.dying MODULE NAME ARGUMENTS…`, at the call of that function."""

import importlib
import os
import signal
import sys
from functools import reduce
from typing import Any, NoReturn

from mission_control.main import main


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


if __name__ == "__main__":
    module, name, *arguments = sys.argv[1:]
    *owners, last = name.split(".")
    setattr(reduce(getattr, owners, importlib.import_module(module)), last, die)
    sys.argv = ["mission-control", *arguments]
    main()
