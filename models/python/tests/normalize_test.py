"""Physical units to network units and back."""

import numpy as np
import torch

from omp_models.normalize import MinMaxStats, Normalizer

ROWS = np.array([[-2.0, 10.0, 0.5, 3.0], [4.0, 30.0, 0.5, 3.00005]], np.float32)


def test_the_range_maps_to_minus_one_and_one() -> None:
    normalized = Normalizer(MinMaxStats.of(ROWS))(torch.from_numpy(ROWS))
    torch.testing.assert_close(normalized[:, :2], torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))


def test_there_and_back_is_where_it_was() -> None:
    normalizer = Normalizer(MinMaxStats.of(ROWS))
    values = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)) * 20
    torch.testing.assert_close(normalizer.inverse(normalizer(values)), values)


def test_a_dimension_that_stood_still_is_not_magnified() -> None:
    normalizer = Normalizer(MinMaxStats.of(ROWS))
    moved = torch.tensor([0.0, 20.0, 0.7, 3.2])
    torch.testing.assert_close(normalizer(moved)[2:], torch.tensor([0.2, 0.2]), rtol=1e-5, atol=1e-6)


def test_statistics_survive_json() -> None:
    stats = MinMaxStats.of(ROWS)
    again = MinMaxStats.from_dict(stats.to_dict())
    np.testing.assert_array_equal(again.min, ROWS[0])
    np.testing.assert_array_equal(again.max, ROWS[1])
    assert again.max.dtype == np.float32
