from __future__ import annotations

import math

import pytest

import obs
from obs.refreshing.config import PipelineConfig
from obs.refreshing.pipeline import DashboardDataPipeline


def test_the_defaults_are_the_seed_s() -> None:
    config = obs.PipelineConfig()

    assert (
        config.update_interval_seconds,
        config.cache_duration_minutes,
        config.enable_real_time_updates,
        config.export_to_file,
        config.max_cache_files,
    ) == (300, 5, True, True, 100)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("update_interval_seconds", 0, ValueError),
        ("update_interval_seconds", -1, ValueError),
        ("update_interval_seconds", math.nan, ValueError),
        ("update_interval_seconds", math.inf, ValueError),
        ("update_interval_seconds", "5", TypeError),
        ("cache_duration_minutes", -0.1, ValueError),
        ("max_cache_files", 0, ValueError),
        ("max_cache_files", 1.5, TypeError),
        ("max_cache_files", True, TypeError),
        ("enable_real_time_updates", 1, TypeError),
        ("export_to_file", "no", TypeError),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_the_old_one_stays(
    name: str, value: object, error: type[Exception]
) -> None:
    pipeline = DashboardDataPipeline(source=lambda: None)

    with pytest.raises(error, match=name):
        pipeline.configure(**{name: value})

    assert pipeline.config == PipelineConfig()
