"""Tokens: their owner's alone, long enough, and compared without telling how close a guess was."""

from __future__ import annotations

from pathlib import Path

import pytest

from obs.api.tokens import FILE, Scope, TokenError, Tokens, in_force, made_or_found, stored
from obs.config import Settings

LONG = "k" * 32


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_a_token_allows_its_scope_and_nothing_else_does() -> None:
    tokens = Tokens(control=LONG, read="r" * 32)

    assert tokens.scope_of(LONG) is Scope.CONTROL
    assert tokens.scope_of("r" * 32) is Scope.READ
    assert {tokens.scope_of(given) for given in ("", None, "x", LONG[:-1], "ü", b"\xff", LONG * 100)} == {
        Scope.NONE
    }


def test_no_token_is_no_empty_token() -> None:
    assert Tokens().scope_of("") is Scope.NONE


def test_the_first_start_makes_a_token_that_only_its_owner_reads(tmp_path: Path) -> None:
    first = in_force(settings(), tmp_path / "o")
    again = in_force(settings(), tmp_path / "o")

    assert first.control == again.control == stored(tmp_path / "o")
    assert len(first.control) >= 43
    assert first.is_read_open
    assert (tmp_path / "o" / FILE).stat().st_mode & 0o777 == 0o600
    assert first.control not in repr(first)


def test_a_token_that_is_set_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    tokens = in_force(settings(token=LONG, read_token="r" * 20), tmp_path)

    assert (tokens.control, tokens.read) == (LONG, "r" * 20)
    assert not (tmp_path / FILE).exists()


def test_where_others_can_reach_it_it_refuses_without_a_token(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="OBS_TOKEN"):
        in_force(settings(host="0.0.0.0"), tmp_path)
    made_or_found(tmp_path)

    tokens = in_force(settings(host="0.0.0.0"), tmp_path)

    assert tokens.control
    assert not tokens.is_read_open


@pytest.mark.parametrize("token", ["short", "with blank " + LONG, "ü" * 20, "x\ny" * 10])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused_without_showing_it(
    tmp_path: Path, token: str
) -> None:
    with pytest.raises(TokenError) as refused:
        in_force(settings(token=token), tmp_path)

    assert token not in str(refused.value)


def test_a_token_others_can_read_is_refused(tmp_path: Path) -> None:
    made_or_found(tmp_path)
    (tmp_path / FILE).chmod(0o644)

    with pytest.raises(TokenError, match="others can read it"):
        stored(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "else").write_text(LONG)
    (tmp_path / FILE).symlink_to(tmp_path / "else")

    with pytest.raises(TokenError):
        stored(tmp_path)


def test_settings_never_show_a_token() -> None:
    assert LONG not in str(settings(token=LONG).token)
    assert LONG not in repr(settings(token=LONG, read_token=LONG))
