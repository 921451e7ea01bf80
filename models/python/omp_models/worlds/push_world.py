"""The push world: a six-joint arm, a puck and a goal. Semantics: `models/worlds/push/README.md`."""

import json
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from omp_models.random_stream import RandomStream
from omp_models.worlds.world import Observation

WORLD_FOLDER = Path(__file__).resolve().parents[3] / "worlds" / "push"


class PushWorld:
    """One simulated robot with its task. `sdk/src/testing/push-world.ts` is the same class, step for step.

    Drive it either by `step` (one action a policy period) or by `tick` (one command a millisecond).

    Args:
        folder: holds `world.json` and the scene it names.
    """

    def __init__(self, folder: Path = WORLD_FOLDER) -> None:
        self.config: dict[str, Any] = json.loads((folder / "world.json").read_text())
        self.model = mujoco.MjModel.from_xml_string((folder / self.config["scene"]).read_text())
        self.data = mujoco.MjData(self.model)
        joints = self.config["joints"]
        self.home = np.array([joint["home"] for joint in joints])
        self.action_low = np.array([joint["min_position"] for joint in joints])
        self.action_high = np.array([joint["max_position"] for joint in joints])
        self.dt_ms = float(self.config["dt_ms"])
        self.max_steps: int = self.config["max_episode_steps"]
        self._joint_addresses = [self.model.joint(joint["name"]).qposadr[0] for joint in joints]
        self._object_addresses = [self.model.joint(f"object_{axis}").qposadr[0] for axis in "xy"]
        self._goal = self.model.body("goal").mocapid[0]
        self._dwell_ticks = round(self.config["success"]["dwell_ms"] / self.config["dt_ms"] * self.config["substeps"])
        self.reset(0)

    def reset(self, seed: int) -> Observation:
        """Arm at home, object and goal drawn from `seed`. Equal seeds give equal episodes in both languages."""
        sampling = self.config["sampling"]
        stream = RandomStream(seed)
        while True:
            object_xy = [stream.uniform(*sampling["object_x"]), stream.uniform(*sampling["object_y"])]
            goal_xy = [stream.uniform(*sampling["goal_x"]), stream.uniform(*sampling["goal_y"])]
            dx, dy = goal_xy[0] - object_xy[0], goal_xy[1] - object_xy[1]
            if dx * dx + dy * dy >= sampling["min_separation"] ** 2:
                return self.place(self.home, np.array(object_xy), np.array(goal_xy))

    def place(self, joints: np.ndarray, object_xy: np.ndarray, goal_xy: np.ndarray) -> Observation:
        """Starts an episode at rest from a chosen state: `joints` (6,) rad, `object_xy` and `goal_xy` (2,) m."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self._joint_addresses] = joints
        self.data.qpos[self._object_addresses] = object_xy
        self.data.mocap_pos[self._goal] = [*goal_xy, 0.0]
        self.data.ctrl[:] = joints
        mujoco.mj_forward(self.model, self.data)
        self.command = np.array(joints, dtype=np.float64)
        self.steps = 0
        self._ticks_inside = 0
        self._succeeded = False
        return self.observation()

    def step(self, action: np.ndarray) -> Observation:
        """Ramps the command from the last one to `action` (6,) rad over one policy period and observes."""
        start, change = self.command, np.asarray(action, dtype=np.float64) - self.command
        substeps = self.config["substeps"]
        for k in range(1, substeps + 1):
            self.tick(start + change * (k / substeps))
        self.steps += 1
        return self.observation()

    def tick(self, command: np.ndarray) -> None:
        """One physics step of 1 ms with `command` (6,) rad as the servos' targets."""
        self.command = command
        self.data.ctrl[:] = command
        mujoco.mj_step(self.model, self.data)
        inside = self.distance_to_goal() <= self.config["success"]["radius"]
        self._ticks_inside = self._ticks_inside + 1 if inside else 0
        self._succeeded = self._succeeded or self._ticks_inside >= self._dwell_ticks

    def observation(self) -> Observation:
        """`observation.state` (6,) rad and `observation.environment_state` (4,) m: object x, y, goal x, y."""
        return {
            "observation.state": self.joints.astype(np.float32),
            "observation.environment_state": np.concatenate([self.object_xy, self.goal_xy]).astype(np.float32),
        }

    @property
    def joints(self) -> np.ndarray:
        """Measured joint positions, (6,) rad, a copy."""
        return self.data.qpos[self._joint_addresses]

    @property
    def object_xy(self) -> np.ndarray:
        """Centre of the object on the table, (2,) m, a copy."""
        return self.data.qpos[self._object_addresses]

    @property
    def goal_xy(self) -> np.ndarray:
        """Centre of the goal on the table, (2,) m, a copy."""
        return self.data.mocap_pos[self._goal, :2].copy()

    def distance_to_goal(self) -> float:
        """Distance between the centres of object and goal in m."""
        dx, dy = self.object_xy - self.goal_xy
        return float(np.sqrt(dx * dx + dy * dy))

    def is_success(self) -> bool:
        """Whether the object has stayed on the goal for the dwell. Once true, true until the next reset."""
        return self._succeeded

    def is_over(self) -> bool:
        """Whether the episode has ended, by success or by its longest length."""
        return self._succeeded or self.steps >= self.max_steps
