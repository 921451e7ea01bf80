"""A scripted expert for the push world: lower the open cage over the puck, close it, drag, open, lift."""

import math

import numpy as np

from omp_models.worlds.push_kinematics import ArmKinematics
from omp_models.worlds.push_world import PushWorld

LOW_Z = 0.008
HOVER_Z = 0.055
CLEAR_Z = 0.038
CLOSED = 0.0
OPEN = 0.7
# The open jaw leaves room on the +y side of the cage; coming down off centre shares it between both sides.
APPROACH_OFFSET = np.array([0.0, -0.006])

TOOL_SPEED, TOOL_ACCELERATION = 0.15, 0.6
JAW_SPEED, JAW_ACCELERATION = 1.5, 8.0
# Near a target the speed falls in proportion to the distance, so that the last row of a motion is a small one.
SETTLING_RATE = 8.0


class PushExpert:
    """State feedback: what to do is decided from where arm and puck are, never from the time that has passed.

    The only memory is the velocity it last asked for, which bounds acceleration. Disturb the world between two calls
    and the expert carries on from there.
    """

    def __init__(self, world: PushWorld) -> None:
        self._world = world
        self._arm = ArmKinematics.of(world.model)
        self._dt = world.config["dt_ms"] / 1000
        self.reset()

    def reset(self) -> None:
        """Call after every reset of the world."""
        self._velocity = np.zeros(4)

    def action(self) -> np.ndarray:
        """The action for the world's present state, (6,) rad."""
        world = self._world
        commanded = np.append(self._arm.forward(world.command), world.command[5])
        wanted = self._wanted_velocity(commanded)
        change = wanted - self._velocity
        change[:3] *= _shrink(change[:3], TOOL_ACCELERATION * self._dt)
        change[3:] *= _shrink(change[3:], JAW_ACCELERATION * self._dt)
        self._velocity = self._velocity + change
        tool_and_jaw = commanded + self._velocity * self._dt
        return self._arm.inverse(tool_and_jaw[:3], tool_and_jaw[3])

    def is_finished(self) -> bool:
        """Whether the puck is placed and the open gripper is above it."""
        tool = self._arm.forward(self._world.joints)
        return self._is_placed(self._openness()) and tool[2] > CLEAR_Z

    def _wanted_velocity(self, commanded: np.ndarray) -> np.ndarray:
        """Tool m/s (3,) and jaw rad/s (1,) towards the end of the present phase, from `commanded` tool and jaw (4,)."""
        world, openness = self._world, self._openness()
        tool = self._arm.forward(world.joints)
        puck, goal = world.object_xy, world.goal_xy

        if self._is_placed(openness):
            height = HOVER_Z if openness > 0.75 else LOW_Z
            return _velocity(np.zeros(2), height - commanded[2], OPEN - commanded[3])
        if _is_caged(puck - tool[:2], tool[2]):
            drag = goal - puck if openness < 0.15 else np.zeros(2)
            return _velocity(drag, LOW_Z - commanded[2], CLOSED - commanded[3])
        approach = puck + APPROACH_OFFSET - commanded[:2]
        error = float(np.linalg.norm(puck + APPROACH_OFFSET - tool[:2]))
        height = HOVER_Z if openness < 0.85 else min(HOVER_Z, LOW_Z + 2.5 * max(0.0, error - 0.005))
        if tool[2] < CLEAR_Z and error > 0.014:
            approach = approach * max(0.0, (tool[2] - 0.02) / (CLEAR_Z - 0.02))
            height = HOVER_Z
        return _velocity(approach, height - commanded[2], OPEN - commanded[3])

    def _openness(self) -> float:
        """Measured opening of the jaw: 0 closed, 1 open."""
        return min(1.0, max(0.0, (self._world.joints[5] - CLOSED) / (OPEN - CLOSED)))

    def _is_placed(self, openness: float) -> bool:
        """The wider bound of an open jaw keeps a puck that was let go from being fetched again."""
        return self._world.distance_to_goal() < 0.005 + 0.009 * openness


def _is_caged(offset: np.ndarray, tool_z: float) -> bool:
    """Whether closing the jaw would leave the puck inside; `offset` (2,) m from the tool point to the puck."""
    return bool(tool_z < 0.02 and abs(offset[0]) < 0.012 and abs(offset[1]) < 0.014)


def _velocity(xy: np.ndarray, z: float, jaw: float) -> np.ndarray:
    """Velocity (4,) that closes the distances `xy` (2,) m, `z` m and `jaw` rad, each as fast as it may."""
    across = float(np.linalg.norm(xy))
    direction = xy / across if across > 0 else xy
    return np.array(
        [
            *(direction * _speed(across, TOOL_SPEED, TOOL_ACCELERATION)),
            math.copysign(_speed(abs(z), TOOL_SPEED, TOOL_ACCELERATION), z),
            math.copysign(_speed(abs(jaw), JAW_SPEED, JAW_ACCELERATION), jaw),
        ]
    )


def _speed(distance: float, limit: float, acceleration: float) -> float:
    """The speed from which `distance` can still be stopped in, with half the acceleration in reserve."""
    return min(limit, math.sqrt(acceleration * distance), SETTLING_RATE * distance)


def _shrink(vector: np.ndarray, limit: float) -> float:
    """The factor that brings `vector` down to length `limit`, 1 when it is shorter."""
    length = float(np.linalg.norm(vector))
    return 1.0 if length <= limit else limit / length
