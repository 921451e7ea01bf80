"""The measured error of the central difference."""

import torch

from omp_models.config import PolicyConfig
from omp_models.derivative_error import derivative_errors
from omp_models.random_policy import random_policy


def test_the_measured_error_grows_with_epsilon(policy_config: PolicyConfig) -> None:
    policy = random_policy(policy_config, seed=0)
    fine, coarse = (derivative_errors(policy, epsilon, 64, 0) for epsilon in (0.005, 0.05))
    assert fine.shape == (64,)
    assert torch.isfinite(fine).all()
    assert 10 * fine.median() < coarse.median()
