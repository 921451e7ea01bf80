"""Tasks by name: `push`, `metaworld/<task>`, `adroit/<task>`. Simulators are imported only when a task needs them."""

from collections.abc import Sequence
from pathlib import Path

from omp_models.errors import OmpModelsError
from omp_models.worlds.world import Demonstrator, World

TASK_NAMES = (
    "push, metaworld/<task> such as metaworld/button-press, adroit/door, adroit/hammer, adroit/pen, adroit/relocate"
)

# DP3 keeps Meta-World episodes of 5 successful steps and Adroit episodes of 10.
MIN_SUCCESSFUL_STEPS = {"metaworld": 5, "adroit": 10}


def open_world(task: str, observations: Sequence[str] | None = None) -> World:
    """The world of `task`.

    Args:
        task: one of TASK_NAMES.
        observations: the keys to make; None: those that cost no rendering.

    Raises CONFIG_INVALID for an unknown task or key, PACKAGE_MISSING where the simulator is not installed.
    """
    family, name = _split(task)
    keys = {} if observations is None else {"keys": observations}
    if family == "metaworld":
        from omp_models.worlds.metaworld import MetaworldWorld

        return MetaworldWorld(name, **keys)
    if family == "adroit":
        from omp_models.worlds.adroit import AdroitWorld

        return AdroitWorld(name, **keys)
    from omp_models.worlds.push_world import PushWorld

    world = PushWorld()
    if observations is not None and set(observations) != set(world.observation()):
        raise OmpModelsError("CONFIG_INVALID", "the push world makes all its observations; name all or none")
    return world


def open_demonstrator(
    task: str, observations: Sequence[str] | None = None, experts: Path | None = None
) -> Demonstrator:
    """The expert of `task` in its world.

    Args:
        task: one of TASK_NAMES.
        observations: the keys to record; None: those that cost no rendering.
        experts: folder of the DAPG policies, which Adroit's tasks need and no other does.

    Raises as `open_world`, and CONFIG_INVALID where `experts` is missing or of no use.
    """
    family, _ = _split(task)
    if (experts is not None) != (family == "adroit"):
        found = "is missing" if experts is None else "is of no use"
        raise OmpModelsError("CONFIG_INVALID", f"--experts {found} for {task}: Adroit's tasks need it, no other does")
    world = open_world(task, observations)
    if family == "push":
        from omp_models.worlds.push_demonstrator import PushDemonstrator

        return PushDemonstrator(world)
    from omp_models.worlds.expert_demonstrator import ExpertDemonstrator

    if family == "metaworld":
        from omp_models.worlds.metaworld import MetaworldExpert as Expert

        expert = Expert(world)
    else:
        from omp_models.worlds.adroit import AdroitExpert

        expert = AdroitExpert(world, experts)
    return ExpertDemonstrator(world, expert, MIN_SUCCESSFUL_STEPS[family])


def require_task(task: str) -> None:
    """Raises CONFIG_INVALID for a text that names no task of any simulator we know, installed or not."""
    _split(task)


def _split(task: str) -> tuple[str, str]:
    family, _, name = task.partition("/")
    if task != "push" and (family not in MIN_SUCCESSFUL_STEPS or not name):
        raise OmpModelsError("CONFIG_INVALID", f"no task {task!r}; known are {TASK_NAMES}")
    return family, name
