"""Policies in the closed loop of a real world."""

import struct
import zlib
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from point_cloud_test import needs_gl

from omp_models.comparison import Contestant, drive, paired
from omp_models.config import PolicyConfig
from omp_models.errors import OmpModelsError
from omp_models.evaluate import Episode, run_episode
from omp_models.pilots import LocalPilot, RemotePilot, open_pilot
from omp_models.rollout_request import RolloutRequest, task_of
from omp_models.runner import Inputs
from omp_models.video import Video, png
from omp_models.worlds.push_world import PushWorld

BUNDLE = Path(__file__).resolve().parents[2] / "bundles" / "so101-push"
KEYS = ["observation.state", "observation.environment_state"]


class StandStill:
    """Plans to stay where the newest observation is."""

    def infer(self, inputs: Inputs) -> np.ndarray:
        return np.repeat(inputs["observation.state"][:, -1:], 16, axis=1)


def test_a_policy_of_another_robot_is_refused() -> None:
    for pilot in (
        LocalPilot(StandStill(), PolicyConfig(action_dim=4), KEYS, 4),
        LocalPilot(StandStill(), PolicyConfig(dt_ms=20.0), KEYS, 6),
    ):
        with pytest.raises(OmpModelsError, match="the policy has"):
            run_episode(PushWorld(), pilot, 0)


def test_two_policies_meet_on_the_same_seeds() -> None:
    request = RolloutRequest(("torch", "int8"), 2, 5, task_of(BUNDLE, None), BUNDLE)
    assert request.task == "push"
    with ExitStack() as stack:
        contestants = [Contestant(name, request.pilot(name, stack)) for name in request.policies]
    order = []
    drive(PushWorld(), contestants, 5, 2, lambda contestant, episode: order.append((episode.seed, contestant.name)))
    assert order == [(5, "torch"), (5, "int8"), (6, "torch"), (6, "int8")]
    torch, int8 = (contestant.summary() for contestant in contestants)
    assert torch["successes"] == int8["successes"] == 2
    assert torch["inference"]["p99_ms"] >= torch["inference"]["p50_ms"] > 0


def test_pairs_count_only_where_the_policies_differ() -> None:
    def contestant(outcomes: str) -> Contestant:
        pilot = LocalPilot(StandStill(), PolicyConfig(), KEYS, 6)
        episodes = [Episode(seed, outcome == "1", 1, 0.0, 0.0) for seed, outcome in enumerate(outcomes)]
        return Contestant(outcomes, pilot, episodes)

    assert paired(contestant("11000"), contestant("10111")) == {
        "only_first": [1],
        "only_second": [2, 3, 4],
        "mcnemar_p": 0.625,
    }


@pytest.mark.parametrize(
    ("policies", "message"),
    [(("runtime",), "needs --url"), (("int8",), "needs --bundle"), (("torch", "torch"), "compared with itself")],
)
def test_a_policy_without_a_source_is_refused(policies: tuple[str, ...], message: str) -> None:
    with pytest.raises(OmpModelsError, match=message), ExitStack() as stack:
        RolloutRequest(policies, 1, 0, "push").pilot(policies[0], stack)


def test_nothing_tells_the_task() -> None:
    with pytest.raises(OmpModelsError, match="--task"):
        task_of(None, None)


def test_no_server_is_said_so() -> None:
    with pytest.raises(OmpModelsError) as refused:
        RemotePilot("ws://127.0.0.1:9")
    assert refused.value.code == "SERVER_FAILED"


def test_a_picture_is_stored_whole() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)
    data = png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (5, 3)
    length = struct.unpack(">I", data[33:37])[0]
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(3, 16)
    assert np.array_equal(rows[:, 1:].reshape(3, 5, 3), pixels)


@needs_gl
def test_a_film_has_a_picture_of_every_step(tmp_path: Path) -> None:
    world = PushWorld()
    # Smaller than the pictures, as in Meta-World's scenes.
    world.model.vis.global_.offwidth = 32
    with Video(tmp_path / "film", world) as video:
        episode = run_episode(world, open_pilot(BUNDLE, "int8"), 5, video.film)
    pictures = sorted((tmp_path / "film").glob("*.png"))
    assert len(pictures) == episode.steps + 1
    assert pictures[0].read_bytes() != pictures[-1].read_bytes()


def test_a_film_without_an_encoder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OmpModelsError, match="needs ffmpeg") as refused:
        Video(tmp_path / "film.mp4", PushWorld())
    assert refused.value.code == "VIDEO_FAILED"
