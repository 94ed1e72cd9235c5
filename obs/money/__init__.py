"""What trading and its language models earn and cost: pure figures from the words bots speak.

`entries` reads one event, `book` remembers (a monoid, part of `State`), `pricing` and `rates` give amounts
their meaning, `metrics` derives every figure that is shown. No clock; files are read once, at the start.
"""

from __future__ import annotations
