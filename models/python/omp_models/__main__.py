"""The command line: `python -m omp_models COMMAND --help`. Events on stdout, text on stderr; see `events`."""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import commands, events, study_commands
from .bench_graph import NETWORKS
from .device import DEVICES
from .errors import OmpModelsError
from .importers.open_recording import FORMATS
from .importers.recording import ImportOptions
from .interrupt import Interrupt, Interrupted
from .recipe import DemonstrationSpec, Recipe
from .rollout_request import POLICIES, RolloutRequest, task_of
from .study import Evaluator, Grid
from .worlds.collect import FIRST_TRAINING_SEED
from .worlds.tasks import TASK_NAMES

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.json:
        events.silence()
    with Interrupt() as interrupt:
        events.emit("started", command=arguments.command)
        try:
            result = _run(arguments, interrupt)
        except Interrupted as stop:
            events.say(str(stop))
            events.emit("interrupted", message=str(stop), checkpoint=stop.checkpoint)
            return EXIT_INTERRUPTED
        except OmpModelsError as error:
            return _fail(error.code, str(error))
        except Exception as error:
            return _fail("INTERNAL", f"{type(error).__name__}: {error}")
        events.emit("result", command=arguments.command, **result)
        return 0


def _run(arguments: argparse.Namespace, interrupt: Interrupt) -> dict[str, Any]:
    match arguments.command:
        case "collect":
            return _collect(arguments, interrupt)
        case "train":
            recipe = Recipe.from_files(arguments.config, arguments.set)
            return commands.train_recipe(recipe, arguments.data, arguments.out, arguments.device, interrupt)
        case "sweep":
            return commands.sweep(
                arguments.config,
                arguments.set,
                arguments.vary,
                arguments.data,
                arguments.out,
                arguments.device,
                interrupt,
            )
        case "import":
            return commands.import_demonstrations(
                arguments.data, arguments.format, _import_options(arguments), arguments.out, interrupt
            )
        case "inspect":
            options = replace(_import_options(arguments), needs_period=False)
            return commands.inspect(arguments.data, options, arguments.plot, interrupt)
        case "import-checkpoint":
            return commands.import_published(
                Recipe.from_files(arguments.config, arguments.set), arguments.checkpoint, arguments.out
            )
        case "export":
            return commands.export(arguments.run, arguments.data, arguments.out, arguments.bundle_id, interrupt)
        case "make":
            recipe = Recipe.from_files(arguments.config, arguments.set)
            return commands.make(recipe, arguments.run, arguments.out, arguments.device, interrupt)
        case "study-run":
            return study_commands.run(
                arguments.config,
                arguments.results,
                arguments.work,
                Evaluator(arguments.node, arguments.omp, Grid.from_file(arguments.config).episodes),
                arguments.experts,
                60 * arguments.limit_minutes,
                arguments.device,
                interrupt,
            )
        case "study-report":
            return study_commands.write_report(arguments.config, arguments.results, arguments.out)
        case "rollout":
            return commands.rollout(_rollout_request(arguments), interrupt)
        case "bench-graph":
            return commands.bench_graph(arguments.network, arguments.rounds, arguments.samples, interrupt)
        case _:
            return commands.verify(arguments.bundle, arguments.data, arguments.windows, interrupt)


def _collect(arguments: argparse.Namespace, interrupt: Interrupt) -> dict[str, Any]:
    wanted = arguments.out, interrupt, arguments.observations, arguments.experts
    if arguments.config is not None:
        return commands.collect_for(Recipe.from_files(arguments.config, arguments.set), *wanted)
    return commands.collect(arguments.task, DemonstrationSpec(arguments.episodes, arguments.first_seed), *wanted)


def _import_options(arguments: argparse.Namespace) -> ImportOptions:
    return ImportOptions(arguments.observations, arguments.dt_ms, image_size=arguments.image_size)


def _rollout_request(arguments: argparse.Namespace) -> RolloutRequest:
    return RolloutRequest(
        policies=(arguments.policy, *([arguments.against] if arguments.against else [])),
        episodes=arguments.episodes,
        first_seed=arguments.first_seed,
        task=arguments.task or task_of(arguments.bundle, arguments.run),
        bundle=arguments.bundle,
        run=arguments.run,
        url=arguments.url,
        video=arguments.video,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m omp_models", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="write events only, no text on stderr")
        return added

    def path(added: argparse._ActionsContainer, option: str, text: str, required: bool = True) -> None:
        # argparse refuses an explicit required=False in a group of which one option is required.
        added.add_argument(option, type=Path, help=text, **({"required": True} if required else {}))

    def config(added: argparse._ActionsContainer, text: str, required: bool = True) -> None:
        added.add_argument(
            "--config", type=Path, action="append", help=text, **({"required": True} if required else {})
        )

    def change(added: argparse.ArgumentParser) -> None:
        text = "change the recipe, as in train.policy.objective=mp1; may be given several times"
        added.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=text)

    def recipe(added: argparse.ArgumentParser) -> None:
        config(added, "recipe; given several times, later files are laid over earlier ones, a method's over a task's")
        change(added)

    def device(added: argparse.ArgumentParser) -> None:
        added.add_argument("--device", choices=DEVICES, default="cpu", help="where to train; default: cpu")

    added = command("collect", "Let the world's expert demonstrate the task.")
    source = added.add_mutually_exclusive_group(required=True)
    source.add_argument("--task", help=TASK_NAMES)
    config(source, "recipe, whose world, episodes and first seed are taken; as in `train`", required=False)
    change(added)
    path(added, "--out", "the .npz file to write")
    added.add_argument("--episodes", type=_positive, default=10, help="good episodes to collect with --task")
    added.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED)
    added.add_argument(
        "--observations",
        type=_keys,
        help="keys to record, comma separated; default: those of the recipe, without one no clouds",
    )
    path(added, "--experts", "folder of the DAPG policies <task>.npz, for adroit tasks", required=False)

    def recording(added: argparse.ArgumentParser, text: str) -> None:
        path(added, "--data", text)
        added.add_argument("--observations", type=_keys, help="keys to read, comma separated; default: no pictures")
        added.add_argument("--dt-ms", type=float, help="period of a step, where the format does not record it")
        added.add_argument("--image-size", type=_positive, default=84, help="pixels; pictures become square")

    added = command("import", "Turn a recording of another project into demonstrations.")
    recording(added, "folder: a zarr store of DP3 or MP1, or a LeRobot dataset of v2.0, v2.1 or v3.0")
    added.add_argument("--format", choices=list(FORMATS), help="default: found out")
    path(added, "--out", "the .npz file to write")

    added = command("inspect", "Show what is in demonstrations.")
    recording(added, "demonstrations, .npz, or a folder that can be imported")
    path(added, "--plot", "an SVG file to draw every value into", required=False)

    added = command("train", "Train a policy; goes on where an interrupted run of the same recipe stopped.")
    recipe(added)
    path(added, "--data", "demonstrations, .npz")
    path(added, "--out", "run directory")
    device(added)

    added = command(
        "sweep", "Train and evaluate a recipe under every combination of changes; goes on where it stopped."
    )
    recipe(added)
    text = "as in train.seed=0,1,2; may be given several times"
    added.add_argument("--vary", action="append", required=True, metavar="KEY=VALUE,VALUE", help=text)
    path(added, "--data", "demonstrations, .npz")
    path(added, "--out", "directory of the runs and of sweep.csv")
    device(added)

    added = command("import-checkpoint", "Make a checkpoint of the published DP3 or MP1 code a finished run.")
    recipe(added)
    path(added, "--checkpoint", "the .ckpt file")
    path(added, "--out", "run directory")

    added = command("export", "Write the bundle of a finished run: graphs, golden outputs, measured success.")
    path(added, "--run", "run directory")
    path(added, "--data", "the demonstrations of the run, .npz")
    path(added, "--out", "bundle directory, replaced as a whole")
    added.add_argument("--bundle-id", help="default: that of the recipe")

    added = command("make", "Collect, train and export; started again it goes on.")
    recipe(added)
    path(added, "--run", "run directory, for the demonstrations too")
    path(added, "--out", "bundle directory, replaced as a whole")
    device(added)

    added = command("rollout", "Drive a task's simulator with a policy, or with two on the same seeds.")
    added.add_argument("--task", help=f"{TASK_NAMES}; default: what the policy was trained for")
    path(added, "--bundle", "bundle directory", required=False)
    path(added, "--run", "finished run directory, for torch", required=False)
    added.add_argument("--url", help="of a policy server, for runtime")
    added.add_argument("--policy", choices=POLICIES, default="int8")
    added.add_argument("--against", choices=POLICIES, help="a second policy for the same seeds")
    added.add_argument("--episodes", type=_positive, default=100)
    added.add_argument("--first-seed", type=int, default=0)
    path(added, "--video", "film of the first policy: a .mp4 file or a folder of PNG files", required=False)

    added = command("study-run", "Train and judge the cells of a study that are not finished yet.")
    path(added, "--config", "grid, YAML")
    path(added, "--results", "file of the finished cells, .jsonl")
    path(added, "--work", "directory of demonstrations and unfinished runs")
    path(added, "--omp", "the omp command, a JavaScript file")
    added.add_argument("--node", default="node", help="what runs it")
    path(added, "--experts", "folder of the DAPG policies <task>.npz, for adroit tasks", required=False)
    added.add_argument("--limit-minutes", type=float, default=math.inf, help="begin no cell after this time")
    device(added)

    added = command("study-report", "Write RESULTS.md of a study, and its chart beside the results.")
    path(added, "--config", "grid, YAML")
    path(added, "--results", "file of the finished cells, .jsonl")
    path(added, "--out", "the Markdown file to write")

    added = command("verify", "Check a bundle: files, golden outputs, agreement with PyTorch.")
    path(added, "--bundle", "bundle directory")
    path(added, "--data", "demonstrations, .npz")
    added.add_argument("--windows", type=_positive, default=256, help="observation windows to compare on")

    added = command(
        "bench-graph", "Measure what specialization and INT8 are worth, with random weights, on one thread."
    )
    added.add_argument("--network", choices=list(NETWORKS), default="small", help="full: 255 M weights, needs 8 GB")
    added.add_argument("--rounds", type=_positive, default=300, help="runs of every graph, in turns")
    path(added, "--samples", "JSON file for every single latency", required=False)
    return parser


def _keys(text: str) -> list[str]:
    return text.split(",")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def _fail(code: str, message: str) -> int:
    events.say(f"{code}: {message}")
    events.emit("error", code=code, message=message)
    return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
