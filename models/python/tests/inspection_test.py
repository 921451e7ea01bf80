"""What `inspect` says of demonstrations, and the picture it draws."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from omp_models.__main__ import main

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def demonstrations(tmp_path: Path) -> Path:
    """Two episodes; the state's value 1 never changes, its value 2 by less than normalisation can use."""
    random = np.random.default_rng(0)
    state = random.uniform(-1, 1, (9, 4)).astype(np.float32)
    state[:, 1] = 0.25
    state[:, 2] = np.linspace(0, 5e-5, 9)
    path = tmp_path / "demo.npz"
    np.savez(
        path,
        **{"observation.state": state, "observation.point_cloud": random.uniform(2, 3, (9, 8, 3)).astype(np.float32)},
        action=np.linspace([-1, 0], [1, 0.5], 9).astype(np.float32),
        episode_ends=np.array([4, 9]),
        dt_ms=np.float64(12.5),
        seeds=np.arange(2),
    )
    return path


def events_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict]:
    """Runs the command line in this process."""
    main([*arguments, "--json"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_sizes_ranges_and_constants_are_reported(demonstrations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *_, warning, result = events_of(capsys, "inspect", "--data", str(demonstrations))
    assert (result["episodes"], result["steps"], result["dt_ms"]) == (2, 9, 12.5)
    assert result["lengths"] == {"min": 4, "median": 4.5, "max": 5}
    state, cloud, action = result["keys"]
    assert (state["key"], state["shape"], state["dtype"]) == ("observation.state", [4], "float32")
    assert state["constant"] == [1, 2]
    assert (state["min"][1], state["max"][1]) == (0.25, 0.25)
    assert (cloud["shape"], cloud["constant"]) == ([8, 3], [])
    assert all(2 <= low < high <= 3 for low, high in zip(cloud["min"], cloud["max"], strict=True))
    assert (action["key"], action["min"], action["max"]) == ("action", [-1, 0], [1, 0.5])
    assert warning["message"].startswith("observation.state: 2 of 4 values never change: [1, 2].")


def test_the_plot_has_a_panel_for_each_value_and_a_line_for_each_episode(
    demonstrations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events_of(capsys, "inspect", "--data", str(demonstrations), "--plot", str(tmp_path / "plot.svg"))
    svg = ElementTree.parse(tmp_path / "plot.svg").getroot()
    panels = svg.findall(f"{SVG}rect")
    assert [panel.get("class") for panel in panels] == ["panel", "constant", "constant", "panel", "panel", "panel"]
    lines = svg.findall(f"{SVG}polyline")
    assert len(lines) == 6 * 2
    # The action's first value rises over both episodes, from the bottom of its panel to the top.
    bottom, top = (float(panels[4].get("y")) + float(panels[4].get("height")), float(panels[4].get("y")))
    first, last = (lines[8].get("points").split()[0], lines[9].get("points").split()[-1])
    assert float(first.split(",")[1]) == pytest.approx(bottom, abs=0.1)
    assert float(last.split(",")[1]) == pytest.approx(top, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "--data", "/nowhere.npz"], "no such file"),
        (["collect", "--task", "pushh", "--out", "x.npz"], "no task 'pushh'"),
        (["collect", "--task", "push", "--first-seed", "3", "--out", "x.npz"], "seeds below 1000000"),
    ],
)
def test_a_call_that_cannot_be_done_says_why(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = events_of(capsys, *arguments)[-1]
    assert event["event"] == "error"
    assert message in event["message"]


def test_demonstrations_of_a_task_are_collected_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "demo.npz"
    result = events_of(capsys, "collect", "--task", "push", "--episodes", "2", "--out", str(out))[-1]
    assert (result["event"], result["episodes"]) == ("result", 2)
    report = events_of(capsys, "inspect", "--data", str(out))[-1]
    assert (report["episodes"], report["steps"]) == (2, result["steps"])
