"""A trained network for a fixed horizon and fixed times: equal values from fewer weights and faster kernels."""

from .network import FixedTimeSampler, SpecializedNetwork, count_weights, on_rows

__all__ = ["FixedTimeSampler", "SpecializedNetwork", "count_weights", "on_rows"]
