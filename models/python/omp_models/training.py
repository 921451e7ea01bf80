"""The state of a training run, its steps and its checkpoints."""

import math
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from .config import TrainConfig
from .ema import WeightAverage
from .errors import OmpModelsError
from .networks import PolicyNetwork
from .objectives import create_objective

ADAM_BETAS = (0.95, 0.999)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine to zero at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


class Training:
    """What changes from step to step: weights, their average, the optimiser and the random generator.

    `data_sha256` names the demonstrations.
    """

    def __init__(self, config: TrainConfig, data_sha256: str = "", device: torch.device | None = None):
        self.config = config
        self.data_sha256 = data_sha256
        self.step = 0
        self._device = device or torch.device("cpu")
        torch.manual_seed(config.seed)
        self.network = PolicyNetwork(config.policy).to(self._device)
        self.network.mixed_precision = config.precision == "bf16"
        self.average = WeightAverage(self.network, config.ema_max_decay)
        self.generator = torch.Generator().manual_seed(config.seed)
        self._objective = create_objective(config)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=0.0, betas=ADAM_BETAS, weight_decay=config.weight_decay, fused=True
        )

    def advance(self, observation: dict[str, Tensor], actions: Tensor) -> dict[str, Tensor]:
        """One optimiser step on one normalised batch; returns the loss terms and `gradient_norm`."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        losses = self._objective.losses(self.network, observation, actions, self.generator)
        self._optimizer.zero_grad()
        losses.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_grad_norm)
        if not torch.isfinite(norm):
            raise OmpModelsError("TRAINING_DIVERGED", f"the gradient is not finite at step {self.step}")
        self._optimizer.step()
        self.average.update(self.network, self.step)
        self.step += 1
        return {**losses.terms, "gradient_norm": norm}

    def save(self, path: Path) -> None:
        """Replaces the checkpoint at `path` in one step, so that a crash leaves the old or the new one."""
        temporary = path.with_suffix(".tmp")
        torch.save(
            {
                "config": self.config.to_json(),
                "data_sha256": self.data_sha256,
                "step": self.step,
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "generator": self.generator.get_state(),
            },
            temporary,
        )
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """Continues from a checkpoint.

        Raises CHECKPOINT_INVALID when it is damaged or was written with another configuration or other demonstrations.
        """

        def fail(message: str) -> OmpModelsError:
            return OmpModelsError("CHECKPOINT_INVALID", f"{path} {message}")

        try:
            state = torch.load(path, weights_only=True, map_location=self._device)
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise fail(f"is damaged: {error}; remove it to begin again") from error
        if state["config"] != self.config.to_json():
            raise fail("was written with another configuration; remove it or use that one")
        if state.get("data_sha256") != self.data_sha256:
            raise fail("was written with other demonstrations; remove it or use those")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
