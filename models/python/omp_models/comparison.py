"""Drives a world with one policy, or with two on the same seeds, and says how they compare."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .evaluate import Episode, run_episode, summarize
from .pilots import Pilot
from .success_rate import latency, mcnemar_p
from .worlds.world import World


@dataclass
class Contestant:
    """A policy by name, and the episodes it has driven."""

    name: str
    pilot: Pilot
    episodes: list[Episode] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """`summarize`, the name, and times in ms; the first inference, which warms up, does not count."""
        return {
            "policy": self.name,
            **summarize(self.episodes),
            "inference": latency(self.pilot.inference_ms[1:]),
            "round_trip": latency(self.pilot.round_trip_ms[1:]),
        }


def drive(
    world: World,
    contestants: list[Contestant],
    first_seed: int,
    count: int,
    on_episode: Callable[[Contestant, Episode], None],
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Every seed with every contestant before the next seed. `on_step` follows the first contestant."""
    for seed in range(first_seed, first_seed + count):
        for contestant in contestants:
            step = on_step if contestant is contestants[0] else lambda: None
            episode = run_episode(world, contestant.pilot, seed, step)
            contestant.episodes.append(episode)
            on_episode(contestant, episode)


def paired(first: Contestant, second: Contestant) -> dict[str, Any]:
    """Seeds that only one of the two did, and the exact McNemar p of that."""
    pairs = list(zip(first.episodes, second.episodes, strict=True))
    only_first = [a.seed for a, b in pairs if a.success and not b.success]
    only_second = [a.seed for a, b in pairs if b.success and not a.success]
    return {
        "only_first": only_first,
        "only_second": only_second,
        "mcnemar_p": round(mcnemar_p(len(only_first), len(only_second)), 6),
    }
