"""The page's files: exactly those that ship, with their types; no name leads out of the folder. Fault 62."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from obs.api.static import FOLDER, TYPES, Files


def test_the_page_and_each_of_its_files_come_with_their_type(client: TestClient) -> None:
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    for path in FOLDER.rglob("*"):
        if path.is_file() and path.suffix in TYPES:
            answered = client.get(f"/static/{path.relative_to(FOLDER).as_posix()}")
            assert answered.status_code == 200, path
            assert answered.headers["content-type"] == TYPES[path.suffix]
            assert answered.content == path.read_bytes()


def test_a_file_that_is_known_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]

    assert client.get("/", headers={"if-none-match": tag}).status_code == 304
    assert client.get("/", headers={"if-none-match": f'"x", W/{tag}'}).status_code == 304
    assert client.get("/", headers={"if-none-match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../model.py",
        "..%2fmodel.py",
        "%2e%2e/model.py",
        "..%5cmodel.py",
        "js/../../model.py",
        "js/..%2f..%2fmodel.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "....//model.py",
        "index.html%00.js",
        "index.html/",
        "js",
        "js/",
        "",
        "CON",
        "index.html::$DATA",
        "INDEX.HTML",
        "a" * 5_000,
        "%ff%fe",
        "%c0%ae%c0%ae/model.py",
        "⁄etc⁄passwd",
    ],
)
def test_no_name_leads_elsewhere(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code in (400, 404)


def test_a_link_out_of_the_folder_and_a_file_of_another_kind_are_not_served(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    (folder / "out").symlink_to(tmp_path)
    (folder / "notes.py").write_text("x")
    (folder / "page.js").write_text("ours")
    files = Files(folder)

    found = files.get("page.js")

    assert found is not None
    assert found.data == b"ours"
    assert [files.get(name) for name in ("link.js", "out/secret.js", "notes.py")] == [None, None, None]


def test_a_file_that_changes_has_another_tag(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("one")
    files = Files(tmp_path)
    first = files.get("a.js")
    (tmp_path / "a.js").write_text("three")
    second = files.get("a.js")

    assert first is not None
    assert second is not None
    assert (first.etag != second.etag, second.data) == (True, b"three")
