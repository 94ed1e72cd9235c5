"""docs/api.md names every route and every parameter of a search, and nothing that is not there."""

from __future__ import annotations

import re
from typing import Any

from fastapi.testclient import TestClient

from tests.builders import REPO

PAGE = (REPO / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_route_is_documented_and_every_documented_route_exists(client: TestClient) -> None:
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}

    told = set(re.findall(r"`((?:GET|POST) /[^`?\s]+)", PAGE))

    assert told == real


def test_every_parameter_of_a_search_is_documented(client: TestClient) -> None:
    asked = client.get("/openapi.json").json()["paths"]["/api/events"]["get"]["parameters"]

    for parameter in asked:
        assert f"`{parameter['name']}=" in PAGE
