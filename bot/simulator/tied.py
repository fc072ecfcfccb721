"""A module run as a process of its own that ends with the one that started it, however that one ends.

`python -m bot.simulator.tied MODULE ARGUMENT…`, with a pipe as standard input that the starter holds open: it closes by
itself where the starter is gone, which no starter can forget, not even a killed one.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
