"""Remember what a function returned, within a bound and a time, and say how often that helped.

Only `cachetools` is used here and nowhere else is it wrapped; the figures are read by `obs.metrics`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import msgspec
from cachetools import TTLCache
from cachetools.keys import hashkey

__all__ = ["SHARED", "CacheManager", "CacheStatistics"]

P = ParamSpec("P")
T = TypeVar("T")
_MISSING = object()


class CacheStatistics(msgspec.Struct, frozen=True):
    """How one cache did since it was made or cleared of its figures."""

    hits: int
    misses: int
    bypassed: int
    """Calls whose arguments cannot be a key; they ran uncached."""
    entries: int
    max_entries: int

    @property
    def hit_rate(self) -> float | None:
        """Share of lookups answered from memory, in [0, 1]; None before the first lookup."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else None


class _Cache:
    def __init__(self, max_size: int, ttl: float, timer: Callable[[], float]) -> None:
        self.entries: TTLCache[Any, Any] = TTLCache(maxsize=max_size, ttl=ttl, timer=timer)
        self.lock = threading.Lock()
        self.hits = self.misses = self.bypassed = 0

    def look_up(self, key: object) -> object:
        with self.lock:
            found = self.entries.get(key, _MISSING)
            if found is _MISSING:
                self.misses += 1
            else:
                self.hits += 1
            return found

    def keep(self, key: object, value: object) -> None:
        with self.lock:
            self.entries[key] = value

    def statistics(self) -> CacheStatistics:
        with self.lock:
            self.entries.expire()
            return CacheStatistics(
                self.hits, self.misses, self.bypassed, len(self.entries), int(self.entries.maxsize)
            )


class CacheManager:
    """Named caches of functions; safe between threads and tasks."""

    def __init__(self, *, timer: Callable[[], float] = time.monotonic) -> None:
        """Make a manager without caches.

        Args:
            timer: A clock in seconds that never goes back.
        """
        self._timer = timer
        self._caches: dict[str, _Cache] = {}

    def cached_function(
        self, name: str, max_size: int = 100, ttl: float = 600
    ) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """Return a decorator that remembers results by arguments; for plain and `async` functions.

        Results that raise are not kept. Arguments that cannot be hashed run the function each time, and
        are counted. Concurrent awaits of one key share one run.

        Args:
            name: What the cache is called in the statistics; one function per name.
            max_size: Results kept; the least recently used goes first.
            ttl: Seconds for which a result is good.

        Raises:
            ValueError: If the name is taken, or a bound leaves no room.
        """
        if name in self._caches:
            raise ValueError(f"a cache named {name!r} exists: choose another name for this function")
        if max_size < 1 or ttl <= 0:
            raise ValueError(f"cache {name!r}: max_size={max_size}, ttl={ttl}: both must be above 0")
        cache = self._caches[name] = _Cache(max_size, ttl, self._timer)

        def decorate(function: Callable[P, T]) -> Callable[P, T]:
            if inspect.iscoroutinefunction(function):
                return cast("Callable[P, T]", _cached_coroutine(cache, function))
            return _cached_call(cache, function)

        return decorate

    def invalidate(self, name: str, *args: object, **kwargs: object) -> bool:
        """Forget what one call returned; says whether there was something to forget.

        Raises:
            KeyError: If no cache has this name.
        """
        cache = self._caches[name]
        with cache.lock:
            return cache.entries.pop(hashkey(*args, **kwargs), _MISSING) is not _MISSING

    def clear(self, name: str | None = None) -> None:
        """Forget all results of one cache, or of all; the figures stay.

        Raises:
            KeyError: If no cache has this name.
        """
        for cache in [self._caches[name]] if name is not None else list(self._caches.values()):
            with cache.lock:
                cache.entries.clear()

    def statistics(self) -> Mapping[str, CacheStatistics]:
        """Return the figures of every cache, by name."""
        return {name: cache.statistics() for name, cache in sorted(self._caches.items())}


def _cached_call(cache: _Cache, function: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        key = _key(cache, args, kwargs)
        if key is None:
            return function(*args, **kwargs)
        found = cache.look_up(key)
        if found is _MISSING:
            # Outside the lock: a slow function must not hold up the hits of others.
            found = function(*args, **kwargs)
            cache.keep(key, found)
        return cast("T", found)

    return call


def _cached_coroutine(cache: _Cache, function: Callable[..., Any]) -> Callable[..., Any]:
    running: dict[object, asyncio.Future[Any]] = {}

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        key = _key(cache, args, kwargs)
        if key is None:
            return await function(*args, **kwargs)
        found = cache.look_up(key)
        if found is not _MISSING:
            return found
        place = (id(asyncio.get_running_loop()), key)
        if place not in running:
            running[place] = asyncio.ensure_future(function(*args, **kwargs))
            running[place].add_done_callback(lambda _: running.pop(place, None))
        # Shielded: that one waiter gives up must not take the result from the others.
        found = await asyncio.shield(running[place])
        cache.keep(key, found)
        return found

    return call


def _key(cache: _Cache, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object | None:
    try:
        key = hashkey(*args, **kwargs)
        hash(key)
    except TypeError:
        with cache.lock:
            cache.bypassed += 1
        return None
    return key


SHARED = CacheManager()
"""The caches of this process that its metrics tell of."""
