"""Early rollouts: what the averaged weights can do while they are still being trained.

They help to stop a hopeless run and to find the best moment of a good one. Their seeds are neither those of
demonstrations nor those of the evaluation, so the best of them is not the success that a bundle reports.
"""

from collections.abc import Callable
from pathlib import Path

from . import events
from .curves import Curve
from .policy import Policy, save_policy

ROLLOUTS_FILE = "rollouts.csv"
BEST_FILE = "best.safetensors"


class Rollouts:
    """Runs `play` every `every` steps; `rollouts.csv` has every outcome, `best.safetensors` the first best policy.

    Args:
        play: drives `episodes` episodes with a policy and returns how many succeeded.
        run: directory of the training run.
        step: at which the run starts or goes on.
    """

    def __init__(self, every: int, episodes: int, play: Callable[[Policy], int], run: Path, step: int):
        self._every = every
        self._episodes = episodes
        self._play = play
        self._run = run
        self._curve = Curve(run / ROLLOUTS_FILE, step)

    def is_due(self, step: int) -> bool:
        """Whether `measure` is to be called after optimiser step `step`."""
        return self._every > 0 and step % self._every == 0

    def measure(self, step: int, policy: Policy) -> None:
        """Plays the episodes, records the outcome, and keeps the policy when no earlier one did as well."""
        successes = self._play(policy)
        best = max((int(row["successes"]) for row in self._curve.rows), default=-1)
        if successes > best:
            save_policy(policy, self._run / BEST_FILE)
        self._curve.add(step, {"successes": successes, "episodes": self._episodes})
        events.emit("metric", name="rollout/success", step=step, value=successes / self._episodes)
        note = "" if successes <= best else f", the best so far, in {BEST_FILE}"
        events.say(f"step {step}: {successes} of {self._episodes} rollouts succeed{note}")
