"""Trains a policy in a run directory.

| file | content |
|---|---|
| `config.json` | what decides the outcome |
| `checkpoint.pt` | the state that resumes the run |
| `curves.csv` | loss terms and gradient norm over the steps |
| `rollouts.csv`, `best.safetensors` | early rollouts and the best policy so far, where the recipe asks for them |
| `policy.safetensors` | the averaged weights, at the end |

On the CPU the same configuration, data and thread count give the same weights and curves bit for bit, also when the run
was interrupted and resumed: batch order is a function of (seed, step), everything else random comes from one generator
whose state is in the checkpoint, and the learning rate is a function of the step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from . import events
from .batches import Batches
from .config import TrainConfig
from .curves import Curve
from .dataset import load_demonstrations, make_windows
from .device import select_device
from .interrupt import Interrupt
from .policy import Policy, save_policy
from .rollouts import Rollouts
from .training import Training, learning_rate

CHECKPOINT_FILE = "checkpoint.pt"
CURVES_FILE = "curves.csv"
POLICY_FILE = "policy.safetensors"


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. `policy` is None when it was interrupted; then `checkpoint` resumes it."""

    step: int
    checkpoint: Path
    policy: Path | None


def train(
    config: TrainConfig,
    dataset: Path,
    run: Path,
    resume: bool = False,
    interrupt: Interrupt | None = None,
    device: str = "cpu",
    open_rollouts: Callable[[int], Rollouts] | None = None,
) -> TrainResult:
    """Trains to `config.steps` and writes the averaged weights to `run/policy.safetensors`.

    Once `interrupt.requested` is set, saves a checkpoint after the current step and returns without a policy.
    `device` is one of `device.DEVICES`; `open_rollouts` makes the early rollouts of a run that starts at a given step.
    """
    place = select_device(device, config.threads)
    run.mkdir(parents=True, exist_ok=True)
    demonstrations = load_demonstrations(dataset, config.policy)
    windows = make_windows(demonstrations, config.policy)
    observations = {key: values.to(place) for key, values in windows.observations.items()}
    actions = windows.actions.to(place)

    training = Training(config, demonstrations.sha256, place)
    checkpoint = run / CHECKPOINT_FILE
    if resume and checkpoint.exists():
        training.restore(checkpoint)
    (run / "config.json").write_text(config.to_json() + "\n")
    curves = Curve(run / CURVES_FILE, training.step)
    rollouts = open_rollouts(training.step) if open_rollouts else None
    policy = Policy(config.policy, demonstrations.stats(), training.network).to(place)
    parameters = sum(p.numel() for p in training.network.parameters())
    events.log(
        f"{demonstrations.episodes} episodes, {len(windows)} windows, {parameters:,} parameters, "
        f"from step {training.step} to {config.steps} on {device}"
    )

    batches = Batches(len(windows), config.batch_size, config.seed)
    progress = events.Progress("train", config.steps, training.step)
    while training.step < config.steps:
        rows = batches[training.step].to(place)
        with torch.no_grad():
            observed = policy.normalize_observation({key: values[rows] for key, values in observations.items()})
            wanted = policy.action_normalizer(actions[rows])
        terms = training.advance(observed, wanted)
        if training.step % config.log_every == 0:
            values = {name: value.item() for name, value in terms.items()}
            curves.add(training.step, {**values, "learning_rate": learning_rate(config, training.step - 1)})
        if progress.update(training.step):
            for name, value in terms.items():
                events.emit("metric", name=f"train/{name}", step=training.step, value=round(value.item(), 6))
        if rollouts is not None and rollouts.is_due(training.step):
            rollouts.measure(training.step, _deployed(training, policy))
        if interrupt is not None and interrupt.requested:
            training.save(checkpoint)
            return TrainResult(training.step, checkpoint, None)
        if training.step % config.checkpoint_every == 0:
            training.save(checkpoint)

    training.save(checkpoint)
    save_policy(_deployed(training, policy), run / POLICY_FILE)
    return TrainResult(training.step, checkpoint, run / POLICY_FILE)


def _deployed(training: Training, policy: Policy) -> Policy:
    """The averaged weights as a policy on the CPU."""
    deployed = Policy(policy.config, policy.stats)
    deployed.network.load_state_dict(training.average.network.state_dict())
    return deployed.eval().requires_grad_(False)
