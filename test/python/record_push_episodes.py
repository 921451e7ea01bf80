"""Writes episodes of the push world's expert as JSON: `record_push_episodes.py SEED...`.

Every episode has the `actions` given and the `states` they led to, the initial one first: joints (6,) rad, joint
velocities (6,) rad/s, object and goal (2,) m.
"""

import json
import sys
from typing import Any

import mujoco

from omp_models.worlds.push_expert import PushExpert
from omp_models.worlds.push_world import PushWorld


def state(world: PushWorld) -> list[float]:
    """One row: joints, joint velocities, object, goal."""
    addresses = [world.model.joint(joint["name"]).dofadr[0] for joint in world.config["joints"]]
    velocities = world.data.qvel[addresses]
    return [*world.joints, *velocities, *world.object_xy, *world.goal_xy]


def record(world: PushWorld, seed: int) -> dict[str, Any]:
    """One episode, driven by the expert to its end."""
    world.reset(seed)
    expert = PushExpert(world)
    states, actions, contact_steps = [state(world)], [], 0
    while not world.is_over():
        action = expert.action()
        world.step(action)
        actions.append(list(action))
        states.append(state(world))
        contact_steps += world.data.ncon > 0
    return {
        "seed": seed,
        "actions": actions,
        "states": states,
        "contact_steps": contact_steps,
        "success": world.is_success(),
    }


def main() -> None:
    """Records every seed named on the command line."""
    world = PushWorld()
    episodes = [record(world, int(seed)) for seed in sys.argv[1:]]
    json.dump({"mujoco": mujoco.__version__, "episodes": episodes}, sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()
