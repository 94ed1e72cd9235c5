"""Sends requests to stand-ins: this folder stands on the PYTHONPATH of programs that tests start.

`STANDINS` says which address takes the place of which: `https://data.krx.co.kr=http://127.0.0.1:4711 …`. Only
addresses are changed; what is sent and what comes back are the programs' own.
"""

from __future__ import annotations

import os
from typing import Any

if os.environ.get("STANDINS"):
    import requests

    _request = requests.Session.request
    _places = [pair.split("=", 1) for pair in os.environ["STANDINS"].split()]

    def _redirected(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        for real, place in _places:
            url = url.replace(real, place)
        return _request(session, method, url, **options)

    requests.Session.request = _redirected  # type: ignore[assignment,method-assign]
