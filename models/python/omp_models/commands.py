"""What the commands do. Each returns the fields of its `result` event, which `events` lists."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import events
from .action_error import Reference, error_table
from .bench_graph import figures
from .bundle import CHECKPOINT_FILE, action_columns, golden_files, read_manifest
from .comparison import Contestant, drive, paired
from .dataset import ACTION_KEY, load_demonstrations
from .errors import OmpModelsError
from .evaluate import Episode, run_episodes, summarize
from .export import export_bundle, save_recipe
from .golden import golden_errors
from .import_checkpoint import import_checkpoint
from .importers.open_recording import import_recording
from .importers.recording import ImportOptions, OnEpisode
from .inputs import CHECK_SEED, ObservedInputs
from .inspection import open_recording
from .interrupt import Interrupt, Interrupted
from .pilots import local_pilot
from .plot import plot
from .policy import Policy, load_policy, save_policy
from .provenance import hardware
from .recipe import DemonstrationSpec, Recipe, ToleranceSpec
from .rollout_request import RolloutRequest
from .rollouts import Rollouts
from .runner import open_graph
from .sweep import SWEEP_FILE, SweepTable, combinations, run_name
from .train import POLICY_FILE, train
from .verify import require_tolerance
from .worlds.collect import collect_demonstrations, write_demonstrations
from .worlds.tasks import open_demonstrator, open_world


def collect(
    task: str,
    spec: DemonstrationSpec,
    out: Path,
    interrupt: Interrupt,
    observations: Sequence[str] | None = None,
    experts: Path | None = None,
) -> dict[str, Any]:
    """Demonstrations of a task's expert into one file. `observations` and `experts` as of `open_demonstrator`."""
    demonstrator = open_demonstrator(task, observations, experts)
    progress = events.Progress("collect", spec.episodes)

    def on_episode(kept: int) -> None:
        interrupt.check()
        progress.update(kept)

    arrays, discarded = collect_demonstrations(demonstrator, spec.episodes, spec.first_seed, on_episode)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_demonstrations(out, arrays)
    steps = len(arrays["action"])
    events.say(f"{out}: {spec.episodes} episodes, {steps} steps; {discarded} other episodes left out")
    return {
        "dataset": str(out),
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "episodes": spec.episodes,
        "discarded": discarded,
        "steps": steps,
    }


def collect_for(
    recipe: Recipe,
    out: Path,
    interrupt: Interrupt,
    observations: Sequence[str] | None = None,
    experts: Path | None = None,
) -> dict[str, Any]:
    """Demonstrations for a recipe; `observations` None: those that its policy sees."""
    if recipe.world is None:
        raise OmpModelsError(
            "CONFIG_INVALID", "the recipe names no world to collect in; give demonstrations to `train`"
        )
    keys = observations or list(recipe.train.policy.observation_shapes)
    return collect(recipe.world, recipe.demonstrations, out, interrupt, keys, experts)


def import_demonstrations(
    data: Path, format_name: str | None, options: ImportOptions, out: Path, interrupt: Interrupt
) -> dict[str, Any]:
    """A recording of another project into one file."""
    arrays = import_recording(data, format_name, options, _episode_progress("import", interrupt))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_demonstrations(out, arrays)
    episodes, steps = len(arrays["episode_ends"]), len(arrays[ACTION_KEY])
    events.say(f"{out}: {episodes} episodes, {steps} steps of {float(arrays['dt_ms']):g} ms")
    return {
        "dataset": str(out),
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "episodes": episodes,
        "steps": steps,
    }


def inspect(data: Path, options: ImportOptions, plot_file: Path | None, interrupt: Interrupt) -> dict[str, Any]:
    """What is in demonstrations, of this project or of another one."""
    recording = open_recording(data, options, _episode_progress("read", interrupt))
    if plot_file is not None:
        plot_file.write_text(plot(recording))
    report = recording.report()
    for key in report["keys"]:
        if key["constant"]:
            events.log(
                f"{key['key']}: {len(key['constant'])} of {len(key['min'])} values never change: {key['constant']}. "
                "Min-max normalisation leaves them unscaled; leave them out if they can move on the robot"
            )
    return {"data": str(data), "plot": None if plot_file is None else str(plot_file), **report}


def _episode_progress(stage: str, interrupt: Interrupt) -> OnEpisode:
    progress: events.Progress | None = None

    def on_episode(done: int, total: int) -> None:
        nonlocal progress
        interrupt.check()
        progress = progress or events.Progress(stage, total)
        progress.update(done)

    return on_episode


def train_recipe(recipe: Recipe, data: Path, run: Path, device: str, interrupt: Interrupt) -> dict[str, Any]:
    """Trains, or goes on where an earlier call with the same recipe and directory stopped."""
    save_recipe(recipe, run)
    spec = recipe.rollouts
    world = open_world(recipe.world, list(recipe.train.policy.observation_shapes)) if spec.every else None

    def play(policy: Policy) -> int:
        episodes = run_episodes(world, local_pilot(policy), spec.first_seed, spec.episodes)
        return summarize(episodes)["successes"]

    def open_rollouts(step: int) -> Rollouts:
        return Rollouts(spec.every, spec.episodes, play, run, step)

    result = train(recipe.train, data, run, True, interrupt, device, open_rollouts if spec.every else None)
    if result.policy is None:
        raise Interrupted(
            f"stopped after step {result.step}; the same command goes on from {result.checkpoint}",
            str(result.checkpoint),
        )
    return {"run": str(run), "policy": str(result.policy), "step": result.step}


def sweep(
    configs: list[Path],
    changes: list[str],
    variations: list[str],
    data: Path,
    out: Path,
    device: str,
    interrupt: Interrupt,
) -> dict[str, Any]:
    """Trains and evaluates every combination of `variations`; started again it goes on."""
    chosen = combinations(variations)
    recipes = [Recipe.from_files(configs, [*changes, *map("=".join, one.items())]) for one in chosen]
    if any(recipe.world is None for recipe in recipes):
        raise OmpModelsError("CONFIG_INVALID", "the recipe names no world to be judged in; a sweep needs one")
    table = SweepTable(out, list(chosen[0]))
    for combination, recipe in zip(chosen, recipes, strict=True):
        name = run_name(combination)
        if table.has(combination):
            continue
        events.log(name)
        train_recipe(recipe, data, out / name, device, interrupt)
        pilot, spec = local_pilot(load_policy(out / name / POLICY_FILE)), recipe.evaluation
        world = open_world(recipe.world, pilot.observation_keys)
        successes = 0
        for episode in run_episodes(world, pilot, spec.first_seed, spec.episodes):
            successes += episode.success
            interrupt.check()
        table.add(combination, successes, spec.episodes, hardware(device, recipe.train.threads))
        events.log(f"{name}: {successes} of {spec.episodes} episodes succeed")
    return {"table": str(out / SWEEP_FILE), "runs": len(chosen)}


def import_published(recipe: Recipe, checkpoint: Path, run: Path) -> dict[str, Any]:
    """Makes a checkpoint of the published DP3 or MP1 code a finished run, which `export` turns into a bundle."""
    policy = import_checkpoint(checkpoint, recipe.train.policy)
    save_recipe(recipe, run)
    save_policy(policy, run / POLICY_FILE)
    return {"run": str(run), "policy": str(run / POLICY_FILE)}


def export(run: Path, data: Path, out: Path, bundle_id: str | None, interrupt: Interrupt) -> dict[str, Any]:
    """Writes the bundle of a finished run."""
    manifest = export_bundle(run, data, out, bundle_id, interrupt)
    size = sum(file["bytes"] for file in manifest["files"].values())
    events.say(f"{out}: {manifest['bundle_id']}, {size / 1e6:.1f} MB")
    return {
        "bundle": str(out),
        "bundle_id": manifest["bundle_id"],
        "bytes": size,
        "success": manifest["training"]["success"],
    }


def make(recipe: Recipe, run: Path, out: Path, device: str, interrupt: Interrupt) -> dict[str, Any]:
    """Collects, trains and exports. What a former call finished in `run` is not done again."""
    data = run / "demonstrations.npz"
    if not data.exists():
        collect_for(recipe, data, interrupt)
    train_recipe(recipe, data, run, device, interrupt)
    return export(run, data, out, None, interrupt)


def rollout(request: RolloutRequest, interrupt: Interrupt) -> dict[str, Any]:
    """Closed loop in the task's simulator, of one policy or of two on the same seeds."""
    with ExitStack() as stack:
        contestants = [Contestant(name, request.pilot(name, stack)) for name in request.policies]
        world = request.world(contestants[0].pilot.observation_keys)
        progress = events.Progress(f"{request.task} {' and '.join(request.policies)}", request.episodes)

        def on_episode(contestant: Contestant, episode: Episode) -> None:
            interrupt.check()
            events.emit("episode", policy=contestant.name, **episode.to_dict())
            progress.update(len(contestants[-1].episodes))
            if not episode.success:
                events.say(f"{contestant.name}: seed {episode.seed} failed after {episode.steps} steps")

        on_step = request.film(world, stack)
        drive(world, contestants, request.first_seed, request.episodes, on_episode, on_step)
    summaries = [contestant.summary() for contestant in contestants]
    for summary in summaries:
        events.say(f"{summary['policy']}: {summary['successes']} of {request.episodes} episodes succeed")
    return {
        "task": request.task,
        "policies": summaries,
        "paired": paired(*contestants) if len(contestants) == 2 else None,
    }


def verify(bundle: Path, data: Path, windows: int, interrupt: Interrupt) -> dict[str, Any]:
    """Checks files, golden outputs and the agreement of the graphs with PyTorch on real observations."""
    manifest = read_manifest(bundle)
    files = golden_files(manifest)
    golden_error = {}
    for name, (error, allowed) in golden_errors(bundle, files).items():
        golden_error[name] = error
        if not error <= allowed:
            raise OmpModelsError(
                "PARITY_FAILED",
                f"{bundle}: {name} is {error:.2e} away from its golden cases, at most {allowed} allowed; "
                "do not run it on this machine",
            )
    policy = load_policy(bundle / CHECKPOINT_FILE)
    observed = ObservedInputs(load_demonstrations(data, policy.config), policy)
    reference = Reference(policy, observed.draw(windows, CHECK_SEED))
    errors = {}
    for name, file in files.items():
        progress = events.Progress(f"compare {name}", windows)

        def on_case(done: int, progress: events.Progress = progress) -> None:
            interrupt.check()
            progress.update(done)

        errors[name] = reference.error(open_graph(bundle, file), on_case)
    events.say(error_table(errors, action_columns(manifest["action"])))
    # The lossy graphs were judged on the data of the run; this may be data of which the policy has not seen the like.
    require_tolerance("fp32", errors["fp32"], ToleranceSpec(**manifest["quantization"].get("tolerance", {})))
    return {
        "bundle_id": manifest["bundle_id"],
        "windows": windows,
        "action_error": {name: error.to_dict() for name, error in errors.items()},
        "golden_error": golden_error,
    }


def bench_graph(network: str, rounds: int, samples: Path | None, interrupt: Interrupt) -> dict[str, Any]:
    """Measures what specialization and INT8 are worth, with random weights."""
    measured = figures(network, rounds, samples, interrupt)
    events.say(
        f"{network}: {measured['weights_ratio_h4']:.3f} of the published network's weights at horizon 4, "
        f"at most {measured['specialized_max_abs_diff']:.1e} from it"
    )
    for name, p50 in measured["p50_us"].items():
        events.say(f"{name:12} {measured['megabytes'][name]:8.1f} MB  p50 {p50 / 1000:8.3f} ms")
    return measured
