"""What a rollout is asked for: which policies drive, from where, in which task."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .bundle import MANIFEST_FILE
from .errors import require_config
from .export import POLICY_FILE, RECIPE_FILE
from .pilots import POLICY_FILES, Pilot, RemotePilot, local_pilot, open_pilot
from .policy import load_policy
from .recipe import Recipe
from .video import Video
from .worlds.tasks import open_world
from .worlds.world import World

RUNTIME = "runtime"
"""The policy that a server runs; the others are run here."""
POLICIES = (RUNTIME, *POLICY_FILES)


@dataclass(frozen=True)
class RolloutRequest:
    """Episodes `first_seed` to `first_seed + episodes - 1` of `task` for every one of `policies`, of which two compare.

    `runtime` needs `url`; torch, fp32 and int8 need `bundle`; torch can be had from a finished `run` as well.
    """

    policies: tuple[str, ...]
    episodes: int
    first_seed: int
    task: str
    bundle: Path | None = None
    run: Path | None = None
    url: str | None = None
    video: Path | None = None
    """Films the first policy."""

    def __post_init__(self) -> None:
        require_config(len(set(self.policies)) == len(self.policies), "a policy is not compared with itself")

    def pilot(self, name: str, stack: ExitStack) -> Pilot:
        """What drives for one of `policies`; `stack` closes it. Raises CONFIG_INVALID when its source is missing."""
        if name == RUNTIME:
            require_config(self.url is not None, "policy runtime needs --url of a policy server")
            return stack.enter_context(RemotePilot(self.url))
        if self.bundle is not None:
            return open_pilot(self.bundle, name)
        require_config(self.run is not None and name == "torch", f"policy {name} needs --bundle; a run has only torch")
        return local_pilot(load_policy(self.run / POLICY_FILE))

    def world(self, observation_keys: list[str]) -> World:
        """The task's world with the observations that the policy needs."""
        return open_world(self.task, observation_keys)

    def film(self, world: World, stack: ExitStack) -> Callable[[], None]:
        """What is to be called at every step of the first policy."""
        return (lambda: None) if self.video is None else stack.enter_context(Video(self.video, world)).film


def task_of(bundle: Path | None, run: Path | None) -> str:
    """The task that a bundle or a run was trained for. Raises CONFIG_INVALID when neither tells it."""
    task = None
    if bundle is not None and (bundle / MANIFEST_FILE).is_file():
        manifest = json.loads((bundle / MANIFEST_FILE).read_text())
        task = manifest["training"].get("dataset", {}).get("world")
    elif run is not None and (run / RECIPE_FILE).is_file():
        task = Recipe.from_file(run / RECIPE_FILE).world
    require_config(task is not None, "nothing tells the task; name it with --task")
    return task
