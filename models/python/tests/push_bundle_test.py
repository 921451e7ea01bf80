"""The trained bundle that comes with the repository answers in PyTorch as its golden file says."""

import json
from pathlib import Path

import numpy as np
import torch

from omp_models.policy import load_policy

BUNDLE = Path(__file__).parents[2] / "bundles" / "so101-push"


def test_the_push_policy_answers_as_it_did():
    policy = load_policy(BUNDLE / "checkpoint.safetensors")
    golden = json.loads((BUNDLE / "golden.json").read_text())
    for case in golden["cases"]:
        inputs = {
            name: torch.tensor(value["data"], dtype=torch.float32).reshape(value["shape"])
            for name, value in case["inputs"].items()
        }
        noise = inputs.pop("noise")
        expected = np.asarray(case["outputs"]["fp32"], np.float32)
        np.testing.assert_allclose(policy(inputs, noise).numpy().ravel(), expected, atol=golden["tolerance"]["fp32"])
