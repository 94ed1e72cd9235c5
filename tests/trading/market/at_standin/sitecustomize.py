"""Sends requests for KRX to the stand-in: this folder stands on the collector's PYTHONPATH.

Only the address is changed; what is sent and what comes back are pyKRX's own.
"""

from __future__ import annotations

import os
from typing import Any

KRX = "https://data.krx.co.kr"

if standin := os.environ.get("KRX_STANDIN"):
    import requests

    _request = requests.Session.request

    def _redirected(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        return _request(session, method, url.replace(KRX, os.environ["KRX_STANDIN"]), **options)

    requests.Session.request = _redirected  # type: ignore[assignment,method-assign]
