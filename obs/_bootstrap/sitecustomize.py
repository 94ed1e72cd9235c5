"""Attaches a program that `obs run` has started; the folder of this file stands first on its PYTHONPATH.

Any Python may find this file, also one of 2008, so it holds nothing but old words, prints nothing and raises
nothing of its own. The `sitecustomize` that ours has put into the shade runs afterwards, as it would have.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - Python 2 has no pathlib
_home = os.path.dirname(os.path.dirname(_folder))  # noqa: PTH120

# Off the path again: the program finds the path that it would have had without us.
sys.path[:] = [_entry for _entry in sys.path if _entry != _folder]

if sys.version_info >= (3, 11) and os.environ.get("OBS_RUN"):
    try:
        try:
            from obs.running import bootstrap
        except ImportError:
            # Not installed in this program's environment: ours will do. A foreign `obs` keeps its name.
            if "obs" in sys.modules:
                raise
            sys.path.append(_home)
            try:
                from obs.running import bootstrap
            finally:
                sys.path.remove(_home)
        bootstrap.start()
    except Exception:  # noqa: BLE001, S110 - the observer may never hurt the bot
        pass

_ours = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize as _next  # type: ignore[import-not-found] # noqa: F401 - the one behind ours
except ImportError as _error:
    if getattr(_error, "name", "sitecustomize") != "sitecustomize":
        raise
finally:
    if _ours is not None:
        sys.modules.setdefault("sitecustomize", _ours)
