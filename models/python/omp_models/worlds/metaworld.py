"""Meta-World's 50 tasks (metaworld 3.1, MIT): a Sawyer arm moved by its hand. Names as in `metaworld/button-press`.

Protocol of DP3: 200 steps an episode, actions clipped to [-1, 1]. Every episode is seeded by itself.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.worlds.depth_camera import DepthCamera
from omp_models.worlds.point_cloud import CloudSpec
from omp_models.worlds.simulated_world import SimulatedWorld, missing_package

MAX_STEPS = 200
DEFAULT_KEYS = ("observation.state", "observation.environment_state")

CAMERA = "corner2"
CAMERA_POSITION = (0.6, 0.295, 0.8)
"""Where DP3 and MP1 put `corner2`, m."""
CLOUD = CloudSpec(low=(-0.55, 0.3, 0.002), high=(0.55, 0.94, 0.6), points=512)
"""The space that the tasks use, world frame, m: above the table top at z = 0 and in front of the wall behind it."""


class MetaworldWorld(SimulatedWorld):
    """One Meta-World task with its goal observable.

    Observation keys: `observation.state` (9,) m, the end effector and the right and left finger tip, the agent
    position of DP3; `observation.environment_state` (39,), Meta-World's own observation, which knows object and goal
    (privileged); `observation.point_cloud` (512, 3) m, world frame.
    Action (4,): hand motion along x, y, z in units of 10 mm a step, and the gripper's effort.

    Args:
        name: of the task, such as `button-press`.
        keys: the observations to make; the cloud needs OpenGL and dominates the cost of a step.
    """

    def __init__(self, name: str, keys: Iterable[str] = DEFAULT_KEYS) -> None:
        environments, policies = _load(name)
        self.policy_class = policies[f"{name}-v3"]
        self._env = environments[f"{name}-v3-goal-observable"](seed=0)
        # Without these every episode would have the goal of the first one.
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True
        self._env.model.camera(CAMERA).pos = CAMERA_POSITION
        self.privileged = np.zeros(39)
        """The simulator's own observation (39,), float64."""
        camera: DepthCamera | None = None

        def point_cloud() -> np.ndarray:
            nonlocal camera
            camera = camera or DepthCamera(self._env.model, CAMERA)
            return CLOUD.sample(camera.points(self._env.data))

        readers: dict[str, Callable[[], np.ndarray]] = {
            "observation.state": self._agent_position,
            "observation.environment_state": lambda: self.privileged,
            "observation.point_cloud": point_cloud,
        }
        super().__init__(readers, keys, action_dim=4, dt_ms=self._env.dt * 1000, max_steps=MAX_STEPS)

    def _start(self, seed: int) -> None:
        self._env.seed(seed)
        self.privileged, _ = self._env.reset()

    def _advance(self, action: np.ndarray) -> bool:
        self.privileged, _, _, _, info = self._env.step(action)
        return bool(info["success"])

    def _agent_position(self) -> np.ndarray:
        tips = (self._env.data.site(name).xpos for name in ("rightEndEffector", "leftEndEffector"))
        return np.concatenate([self._env.get_endeff_pos(), *tips])


class MetaworldExpert:
    """The scripted policy that Meta-World ships for the task."""

    def __init__(self, world: MetaworldWorld) -> None:
        self._world = world
        self.reset()

    def reset(self) -> None:
        """Forgets the last episode."""
        self._policy = self._world.policy_class()

    def action(self) -> np.ndarray:
        """(4,), often far outside [-1, 1]."""
        with warnings.catch_warnings():
            # It warns of the clipping that its own environments rely on.
            warnings.simplefilter("ignore", UserWarning)
            return np.asarray(self._policy.get_action(self._world.privileged), np.float64)


def task_names() -> list[str]:
    """Every task's name. Raises PACKAGE_MISSING where Meta-World is not installed."""
    environments, _ = _packages("metaworld")
    return sorted(name.removesuffix("-v3-goal-observable") for name in environments)


def _load(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    environments, policies = _packages(f"metaworld/{name}")
    if f"{name}-v3-goal-observable" not in environments:
        known = ", ".join(task_names())
        raise OmpModelsError("CONFIG_INVALID", f"Meta-World has no task {name!r}; it has {known}")
    return environments, policies


def _packages(task: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
        from metaworld.policies import ENV_POLICY_MAP
    except ImportError as error:
        raise missing_package("metaworld", task, error) from error
    return ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE, ENV_POLICY_MAP
