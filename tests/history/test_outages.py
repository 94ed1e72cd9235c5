"""A server that stops, hangs or loses its schema costs nothing: the spool keeps what comes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from obs.history.chronicle import Chronicle
from obs.history.queries import History, HistoryError
from obs.keeping import store_server
from obs.keeping.store import Change, Cursor, Store, StoreBusyError, StoreError, StoreTakenError
from obs.keeping.vault import Vault
from obs.sidecar import Sidecar
from tests.history.rows import NOON, tell, trade
from tests.servers import PostgreSQL, postgresql
from tests.spool_lines import Bot


@pytest.fixture
def own_server() -> Iterator[PostgreSQL]:
    """One that a test may kill."""
    with postgresql() as running:
        yield running


def test_a_server_that_was_killed_loses_nothing_and_doubles_nothing(own_server: PostgreSQL) -> None:
    """Fault 37: immediate shutdowns, among them some whose last commit nobody was told of."""
    url = own_server.url()
    vault = Vault(url)
    chronicle = Chronicle(clock=lambda: NOON)
    refused = 0
    for number in range(60):
        tell(chronicle, trade(number, "0.1"))
        if number % 12 == 5:
            own_server.stop(signal.SIGQUIT)
            if vault.save({"spool": {"at": number}}, b"%d" % number, {}, chronicle.pending()):
                chronicle.stored()
            else:
                refused += 1
            own_server.start()
            _wait(url)
        elif vault.save({"spool": {"at": number}}, b"%d" % number, {}, chronicle.pending()):
            chronicle.stored()
    assert vault.save({"spool": {"at": 60}}, b"60", {}, chronicle.pending())
    vault.close()

    with closing(History(url)) as history:
        totals = history.totals()
        assert (totals.trades, totals.pnl) == (60, {"USDT": Decimal("6.0")})
        assert history.coverage().counted == 60
    assert refused == 5
    with Store(url) as store:
        assert store.load().state == b"60"


def test_a_server_that_hangs_is_given_up_and_found_again(
    own_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 37: SIGSTOP; a client with default settings would wait for ever."""
    monkeypatch.setattr(store_server, "SERVER_SECONDS", 1.0)
    with Store(own_server.url()) as store:
        store.save(Change(state=b"before"))
        children = _children(own_server.pid)
        for pid in (own_server.pid, *children):
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()

        with pytest.raises(StoreError, match=r"cannot be reached .*: start the server, or mend the setting"):
            store.save(Change(state=b"while it hangs"))

        assert time.monotonic() - began < 8
        for pid in (own_server.pid, *children):
            os.kill(pid, signal.SIGCONT)
        _wait(own_server.url())
        store.reopen()
        store.save(Change(state=b"after"))
        assert store.load().state == b"after"


def test_a_schema_that_was_dropped_is_made_again_and_said(server: PostgreSQL) -> None:
    url = server.url("dropped")
    vault = Vault(url)
    assert vault.save({"spool": {"at": 1}}, b"one", {})
    _run(url, "DROP SCHEMA dropped CASCADE")

    assert vault.save({"spool": {"at": 2}}, b"two", {})
    vault.close()

    assert any("schema dropped was dropped while in use; written anew" in text for text in vault.notices)
    with Store(url) as store:
        assert (store.load().state, store.load().checkpoints) == (b"two", {"spool": {"at": 2}})


def test_a_damaged_state_is_set_aside_with_its_schema(server: PostgreSQL) -> None:
    url = server.url("damaged")
    with Store(url) as store:
        store.save(Change(state=b"whole"))
    _run(url, "UPDATE damaged.state SET data = 'torn'")

    with Store(url) as store:
        assert store.load().state is None
        assert "schema damaged was malformed (the digest of the State does not fit)" in store.notices[0]


def test_two_stores_in_two_schemas_do_not_see_one_another(server: PostgreSQL) -> None:
    with Store(server.url("first")) as first, Store(server.url("second")) as second:
        first.save(Change(state=b"of the first"))

        assert second.load().state is None


def test_a_taken_store_and_another_process_are_seen_on_a_server_too(server: PostgreSQL) -> None:
    with Store(server.url("taken")) as sleeper, Store(server.url("taken")) as successor:
        sleeper.claim("sleeper")
        before = sleeper.changes_elsewhere()
        sleeper.save(Change(state=b"own", owner="sleeper"))
        assert sleeper.changes_elsewhere() == before
        successor.save(Change(cursors=[Cursor(reader="cli", looked=1)]))
        assert sleeper.changes_elsewhere() != before
        successor.claim("successor")

        with pytest.raises(StoreTakenError):
            sleeper.save(Change(state=b"late", owner="sleeper"))

        assert successor.load().state == b"own"


def test_a_lock_that_another_holds_is_busy_and_not_broken(server: PostgreSQL) -> None:
    with Store(server.url("locked")) as holder, Store(server.url("locked"), busy_seconds=0.3) as store:
        store.claim("store")
        with holder.transaction() as connection:
            connection.execute(sa.text("LOCK TABLE notes"))
            with pytest.raises(StoreBusyError, match="another process holds it"):
                store.save(Change(state=b"x", owner="store"))

        store.save(Change(state=b"y", owner="store"))
        assert store.load().state == b"y"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pa55-of-the-test": "wr0ng-secret"}, "mend user or password"),
        ({"/postgres?": "/nowhere?"}, "create the database"),
        ({"127.0.0.1:": "127.0.0.1:1"}, "start the server"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_its_password(
    server: PostgreSQL, change: dict[str, str], said: str
) -> None:
    url = server.url()
    for old, new in change.items():
        url = url.replace(old, new, 1)
        url = url.replace(f"1{server.port}", "1") if new.endswith(":1") else url

    with pytest.raises(StoreError, match=said) as caught:
        Store(url)
    with pytest.raises(HistoryError) as asked:
        History(url).search()

    for error in (caught.value, asked.value):
        assert "secret" not in str(error)
        assert "pa55" not in str(error)


def test_a_whole_sidecar_works_on_a_server(server: PostgreSQL, tmp_path: Path) -> None:
    url = server.url("whole")
    bot = Bot(tmp_path, "grid")
    for number in range(30):
        words = {"trade.id": f"t{number}", "pnl.net": "1.5"}
        bot.say("closed", event_name="trade.closed", attributes=words)
    bot.end()

    for _ in range(2):
        with Sidecar(tmp_path, store=url) as sidecar:
            assert sidecar.flush(30)
            assert sidecar.state.events >= 30

    assert not (tmp_path / "obs.db").exists()
    with closing(History(url)) as history:
        assert history.totals().pnl == {"?": Decimal("45.0")}


def _run(url: str, statement: str) -> None:
    """Do to the server what its administrator might."""
    plain = url.partition("?")[0].replace("postgresql://", "postgresql+pg8000://")
    engine = sa.create_engine(plain, poolclass=sa.NullPool)
    with engine.begin() as raw:
        raw.execute(sa.text(statement))


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            Store(url).close()
        except StoreError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]
