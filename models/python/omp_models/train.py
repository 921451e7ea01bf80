"""Trains a policy. A run directory holds `config.json`, `checkpoint.pt`, and `policy.safetensors` at the end.

The same configuration, data and thread count give the same weights bit for bit, also when the run was interrupted
and resumed: batch order is a function of (seed, step), everything else random comes from one generator whose state
is in the checkpoint, and the learning rate is a function of the step.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from . import events
from .config import TrainConfig
from .dataset import load_demonstrations, make_windows
from .ema import WeightAverage
from .errors import OmpModelsError
from .interrupt import Interrupt
from .network import VelocityNetwork
from .objectives import create_objective
from .policy import Policy, save_policy

ADAM_BETAS = (0.95, 0.999)
EPOCH_SEED_STRIDE = 0x9E3779B1
"""Keeps the epochs of neighbouring seeds apart. A torch generator uses the lowest 32 bits of its seed only."""


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. `policy` is None when it was interrupted; then `checkpoint` resumes it."""

    step: int
    checkpoint: Path
    policy: Path | None


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine to zero at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


class Batches:
    """Shuffled batches of window indices; batch `step` depends on the seed and `step` alone."""

    def __init__(self, windows: int, batch_size: int, seed: int):
        self._windows = windows
        self._batch_size = min(batch_size, windows)
        self._per_epoch = windows // self._batch_size
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)

    def __getitem__(self, step: int) -> Tensor:
        epoch, batch = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self._seed * EPOCH_SEED_STRIDE + epoch) % 2**32)
            self._order = torch.randperm(self._windows, generator=generator)
            self._epoch = epoch
        return self._order[batch * self._batch_size :][: self._batch_size]


class Training:
    """The state that changes from step to step, and its checkpoint. `data_sha256` names the demonstrations."""

    def __init__(self, config: TrainConfig, data_sha256: str = ""):
        self.config = config
        self.data_sha256 = data_sha256
        self.step = 0
        torch.manual_seed(config.seed)
        self.network = VelocityNetwork(config.policy)
        self.average = WeightAverage(self.network, config.ema_max_decay)
        self.generator = torch.Generator().manual_seed(config.seed)
        self._objective = create_objective(config)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=0.0, betas=ADAM_BETAS, weight_decay=config.weight_decay, fused=True
        )

    def advance(self, observation: Tensor, actions: Tensor) -> dict[str, Tensor]:
        """One optimiser step on one normalised batch; returns the loss terms."""
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
        return losses.terms

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
            state = torch.load(path, weights_only=True)
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
        self.generator.set_state(state["generator"])


def train(
    config: TrainConfig, dataset: Path, run: Path, resume: bool = False, interrupt: Interrupt | None = None
) -> TrainResult:
    """Trains to `config.steps` and writes the averaged weights to `run/policy.safetensors`.

    Once `interrupt.requested` is set, saves a checkpoint after the current step and returns without a policy.
    """
    torch.set_num_threads(config.threads)
    run.mkdir(parents=True, exist_ok=True)
    demonstrations = load_demonstrations(dataset, config.policy)
    windows = make_windows(demonstrations, config.policy)
    policy = Policy(config.policy, demonstrations.stats())
    observations = policy.normalize_observation(windows.observations)
    actions = policy.action_normalizer(windows.actions)

    training = Training(config, demonstrations.sha256)
    checkpoint = run / "checkpoint.pt"
    if resume and checkpoint.exists():
        training.restore(checkpoint)
    (run / "config.json").write_text(config.to_json() + "\n")
    parameters = sum(p.numel() for p in training.network.parameters())
    events.log(
        f"{demonstrations.episodes} episodes, {len(windows)} windows, {parameters:,} parameters, "
        f"from step {training.step} to {config.steps}"
    )

    batches = Batches(len(windows), config.batch_size, config.seed)
    progress = events.Progress("train", config.steps, training.step)
    while training.step < config.steps:
        rows = batches[training.step]
        terms = training.advance(observations[rows], actions[rows])
        if progress.update(training.step):
            for name, value in terms.items():
                events.emit("metric", name=f"train/{name}", step=training.step, value=round(value.item(), 6))
        if interrupt is not None and interrupt.requested:
            training.save(checkpoint)
            return TrainResult(training.step, checkpoint, None)
        if training.step % config.checkpoint_every == 0:
            training.save(checkpoint)

    policy.network.load_state_dict(training.average.network.state_dict())
    training.save(checkpoint)
    save_policy(policy, run / "policy.safetensors")
    return TrainResult(training.step, checkpoint, run / "policy.safetensors")
