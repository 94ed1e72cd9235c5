"""How a program that knows nothing of us attaches itself, and all that must not change by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from obs.running.launch import BOOTSTRAP, child_environment, plain_environment
from tests.run.conftest import Supervise, read_spool, surroundings


def attached(
    directory: Path, code: str, *, flags: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> str:
    """Run Python code with the bootstrap on its path and return what it printed; stderr must stay empty."""
    environment = child_environment(surroundings(env), directory=directory, service="bot", run="test")
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], env=environment, capture_output=True, timeout=30, check=True
    )
    assert done.stderr == b""
    return done.stdout.decode()


def test_a_program_that_never_logs_loads_neither_logging_nor_us_in_full(tmp_path: Path) -> None:
    code = (
        "import sys; sys.__stdout__.flush()\n"
        "wanted = {'logging', 'threading', 'typing', 're', 'pathlib'}\n"
        "wanted |= {'obs.handler', 'obs.running.bootstrap'}\n"
        "import os; os.write(1, ' '.join(sorted(wanted & set(sys.modules))).encode())\n"
    )

    assert attached(tmp_path, code) == "obs.running.bootstrap"


def test_a_program_that_loads_logging_and_never_logs_pays_nothing_more(tmp_path: Path) -> None:
    code = "import logging, os, sys; os.write(1, str('obs.handler' in sys.modules).encode())"

    assert attached(tmp_path, code) == "False"
    assert not (tmp_path / "spool").exists()


def test_the_first_record_is_kept_once_beside_another_wrapper(tmp_path: Path) -> None:
    """Fault 21: somebody else wraps the same method before the first record, as Sentry does."""
    code = (
        "import logging\n"
        "theirs = logging.Logger.callHandlers\n"
        "logging.Logger.callHandlers = lambda self, record: theirs(self, record)\n"
        "logging.lastResort = None; logging.getLogger().addHandler(logging.NullHandler())\n"
        "for word in ('first', 'second', 'third'): logging.warning(word)\n"
    )

    attached(tmp_path, code)

    assert [row["body"] for row in read_spool(tmp_path)] == ["first", "second", "third"]


def test_the_programs_path_and_streams_are_its_own(tmp_path: Path) -> None:
    code = "import sys; print(sys.path[1:]); print(type(sys.stdout), sys.stdout.name, sys.flags, sys.argv)"
    plain = subprocess.run([sys.executable, "-c", code], env=surroundings(), capture_output=True, check=True)

    assert attached(tmp_path, code) == plain.stdout.decode()


def test_the_next_sitecustomize_on_the_path_runs(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import builtins; builtins.other_ran = __file__")

    code = "import sitecustomize; print(other_ran == sitecustomize.__file__)"

    assert attached(tmp_path, code, env={"PYTHONPATH": str(other)}) == "True\n"


def test_an_error_in_the_next_sitecustomize_is_shown_as_without_us(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import no_such_module")
    environment = surroundings({"PYTHONPATH": str(tmp_path)})
    plain = subprocess.run([sys.executable, "-c", ""], env=environment, capture_output=True, check=False)

    ours = subprocess.run(
        [sys.executable, "-c", ""],
        env=child_environment(environment, directory=tmp_path, service="bot", run="test"),
        capture_output=True,
        check=False,
    )

    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.10", "3.12", "3.13"])
def test_any_python_runs_undisturbed(version: str, tmp_path: Path) -> None:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = next(iter(sorted(root.glob(f"{version}.*/bin/python"))), None) or shutil.which(f"python{version}")
    if (
        found is None
        or subprocess.run([str(found), "-c", "pass"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"no Python {version} here")
    environment = child_environment(surroundings(), directory=tmp_path, service="bot", run="test")

    done = subprocess.run(
        [str(found), "-c", "import logging; logging.warning('hello'); print('fine')"],
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"fine\n", b"WARNING:root:hello\n")
    kept = [row["body"] for row in read_spool(tmp_path)] if (tmp_path / "spool").is_dir() else []
    assert kept == (["hello", "fine"] if version in {"3.12", "3.13"} else [])


def test_a_program_with_a_module_of_our_name_keeps_it(supervise: Supervise, tmp_path: Path) -> None:
    (tmp_path / "obs.py").write_text("name = 'a client for streaming software'")
    bot = tmp_path / "bot.py"
    bot.write_text("import obs, logging; logging.warning(obs.name)")

    seen = supervise(sys.executable, str(bot))

    assert seen.told == b"WARNING:root:a client for streaming software\n"
    assert seen.exited["process.attached"] is False


def test_a_folder_of_our_name_where_the_bot_is_started_does_not_matter(
    supervise: Supervise, tmp_path: Path
) -> None:
    (tmp_path / "here" / "obs").mkdir(parents=True)
    (tmp_path / "here" / "obs" / "__init__.py").write_text("")
    bot = tmp_path / "bots" / "grid"
    bot.parent.mkdir()
    bot.write_text(f"#!{sys.executable}\nimport logging; logging.warning('tick')")
    bot.chmod(0o755)
    repo = Path(__file__).resolve().parents[2]

    seen = supervise("sh", "-c", f'cd "{tmp_path}/here" && exec "$0"', bot, cwd=repo)

    assert seen.bodies("root") == ["tick"]


def test_attaching_twice_is_attaching_once(tmp_path: Path) -> None:
    """Fault 21: the bootstrap runs again, `obs.attach` is called too, and `logging` is loaded anew."""
    code = (
        "import importlib, logging\n"
        "from obs.running import bootstrap\n"
        "bootstrap.start(); bootstrap.start()\n"
        "import obs; obs.attach(); obs.attach()\n"
        "logging.getLogger('bot').warning('once')\n"
        "importlib.reload(logging)\n"
        "logging.getLogger('bot').warning('again')\n"
        "import os; os._exit(0)\n"
    )
    environment = child_environment(surroundings(), directory=tmp_path, service="bot", run="test")

    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=30, check=True)

    assert [row["body"] for row in read_spool(tmp_path) if row["logger"] == "bot"] == ["once", "again"]


def test_children_of_every_kind_attach_themselves(supervise: Supervise, tmp_path: Path) -> None:
    """Fault 13: each process writes under its own pid; the parent is unaffected."""
    bot = tmp_path / "bot.py"
    bot.write_text(
        "import logging, multiprocessing, os, subprocess, sys\n"
        "logging.basicConfig(level=20)\n"
        "def work(how): logging.info('%s %d', how, os.getpid())\n"
        "if __name__ == '__main__':\n"
        "    for how in ('fork', 'spawn', 'forkserver'):\n"
        "        process = multiprocessing.get_context(how).Process(target=work, args=(how,))\n"
        "        process.start(); process.join(); assert process.exitcode == 0\n"
        "    code = 'import logging, os; logging.warning(\"subprocess %d\", os.getpid())'\n"
        "    subprocess.run([sys.executable, '-c', code], check=True)\n"
        "    logging.info('parent %d', os.getpid())\n"
    )

    seen = supervise(sys.executable, str(bot))

    said = [event for event in seen.events if event["logger"] == "root"]
    assert sorted(event["body"].split()[0] for event in said) == [
        "fork", "forkserver", "parent", "spawn", "subprocess"
    ]  # fmt: skip
    assert all(event["body"].split()[1] == str(event["resource"]["process.pid"]) for event in said)
    assert {event["resource"]["service.name"] for event in said} == {"bot"}
    assert seen.status == 0


def test_a_forked_childs_crash_is_told_under_its_own_pid(supervise: Supervise) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    code = "import os\npid = os.fork()\nif pid == 0: os.abort()\nos.waitpid(pid, 0); print(pid)\n"

    seen = supervise(sys.executable, "-c", code)

    (fault,) = seen.named("process.fault")
    assert fault["process.pid"] == int(seen.stdout)
    assert "Fatal Python error: Aborted" in fault["faulthandler.stacktrace"]
    assert "faulthandler.stacktrace" not in seen.exited


def test_a_daemon_that_closes_all_descriptors_is_not_written_into(tmp_path: Path) -> None:
    """Fault 14: a dump must not end up in a file that got our descriptor's number."""
    target = tmp_path / "orders.csv"
    code = (
        "import os\n"
        "os.closerange(3, 4096)\n"
        f"for _ in range(64): os.open({str(target)!r}, os.O_RDWR | os.O_CREAT)\n"
        "os.abort()\n"
    )
    environment = child_environment(surroundings(), directory=tmp_path, service="bot", run="test")

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=30, check=False
    )

    assert done.returncode == -6
    assert target.read_bytes() == b""


def test_the_environment_for_a_child_can_be_taken_back() -> None:
    before = {"PYTHONPATH": "/bots:", "HOME": "/home/trader"}

    inside = child_environment(before, directory=Path("/data"), service="grid", run="1")

    assert inside["PYTHONPATH"] == f"{BOOTSTRAP}{os.pathsep}/bots{os.pathsep}"
    assert plain_environment(inside) | before == plain_environment(inside)
    assert child_environment(inside, directory=Path("/data"), service="grid", run="1") == inside
    assert "PYTHONPATH" not in plain_environment(child_environment({}, directory=Path(), service="", run=""))
