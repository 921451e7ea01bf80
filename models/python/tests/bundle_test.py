"""Bundles as a whole: written in one step, read back, and refused when a file is not what it was."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from omp_models.bundle import (
    CHECKPOINT_FILE,
    ENCODER_FILE,
    MANIFEST_FILE,
    VARIANT_FILES,
    action_section,
    manifest,
    read_manifest,
    write_bundle,
)
from omp_models.dataset import load_demonstrations
from omp_models.errors import OmpModelsError
from omp_models.golden import GOLDEN_FILE
from omp_models.policy import Policy
from omp_models.recipe import Recipe

SHIPPED = Path(__file__).parents[2] / "bundles" / "so101-push" / MANIFEST_FILE
FILES = (CHECKPOINT_FILE, ENCODER_FILE, GOLDEN_FILE, *VARIANT_FILES.values())


@pytest.fixture
def contents(tmp_path: Path) -> Path:
    """Every file of a bundle; what they hold is of no concern here."""
    folder = tmp_path / "contents"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def unfinished(dataset: Path, recipe: Recipe) -> dict[str, Any]:
    """A manifest of the tiny policy, its training and quantization as the shipped bundle tells them."""
    torch.manual_seed(0)
    config = recipe.train.policy
    policy = Policy(config, load_demonstrations(dataset, config).stats())
    shipped = json.loads(SHIPPED.read_text())
    return manifest(recipe, policy, "tiny", shipped["training"], shipped["quantization"])


def test_what_is_written_is_read(contents: Path, unfinished: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "deep" / "bundle"
    written = write_bundle(contents, unfinished, out)
    assert read_manifest(out) == written
    assert written["bundle_id"] == "tiny"
    assert {path.name for path in out.iterdir()} == {*FILES, MANIFEST_FILE}
    assert written["files"].keys() == set(FILES)
    assert [path.name for path in out.parent.iterdir()] == ["bundle"]


def test_the_manifest_tells_the_policy_and_the_recipe(unfinished: dict[str, Any], recipe: Recipe) -> None:
    policy = unfinished["policy"]
    assert (policy["horizon"], policy["n_action_steps"], policy["lead_steps"], policy["dt_ms"]) == (8, 4, 1, 50)
    assert policy["action_start_index"] == 1
    assert unfinished["noise"]["shape"] == [8, 2]
    assert [one["shape"] for one in unfinished["observations"]] == [[2], [1]]
    assert [joint["unit"] for joint in unfinished["action"]["joints"]] == ["rad", "rad"]
    assert [joint["name"] for joint in unfinished["action"]["joints"]] == ["pan", "lift"]


def test_optional_limits_are_told_where_the_recipe_has_them(recipe: Recipe) -> None:
    plain = recipe.robot_joints()
    limited = dataclasses.replace(recipe, joints=[{**plain[0], "max_jerk": 300.0, "max_effort": 2.5}, plain[1]])
    first, second = action_section(limited)["joints"]
    assert (first["max_jerk"], first["max_effort"]) == (300.0, 2.5)
    assert second == action_section(recipe)["joints"][1]
    assert "max_jerk" not in second


def test_an_older_bundle_is_replaced_as_a_whole(contents: Path, unfinished: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    write_bundle(contents, unfinished, out)
    (out / "left-over.bin").write_bytes(b"x")
    (contents / GOLDEN_FILE).write_bytes(b"new")
    write_bundle(contents, unfinished, out)
    read_manifest(out)
    assert (out / GOLDEN_FILE).read_bytes() == b"new"
    assert not (out / "left-over.bin").exists()


def test_a_directory_that_is_no_bundle_is_not_replaced(
    contents: Path, unfinished: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "home"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(OmpModelsError, match="exists and is no bundle") as raised:
        write_bundle(contents, unfinished, out)
    assert raised.value.code == "BUNDLE_INVALID"
    assert (out / "letter.txt").read_text() == "dear"


def test_a_manifest_that_is_not_valid_is_not_written(
    contents: Path, unfinished: dict[str, Any], tmp_path: Path
) -> None:
    unfinished["noise"]["shape"] = [9, 2]
    with pytest.raises(OmpModelsError, match=r"noise\.shape"):
        write_bundle(contents, unfinished, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"", b"other"], ids=["missing", "empty", "changed"])
def test_a_file_that_is_not_what_it_was_is_refused_by_name(
    contents: Path, unfinished: dict[str, Any], tmp_path: Path, name: str, content: bytes | None
) -> None:
    out = tmp_path / "bundle"
    write_bundle(contents, unfinished, out)
    if content is None:
        (out / name).unlink()
    else:
        (out / name).write_bytes(content)
    with pytest.raises(OmpModelsError, match=name) as raised:
        read_manifest(out)
    assert raised.value.code == "BUNDLE_INVALID"


def test_one_changed_byte_is_refused(contents: Path, unfinished: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    write_bundle(contents, unfinished, out)
    graph = out / VARIANT_FILES["int8"]
    graph.write_bytes(b"P" + graph.read_bytes()[1:])
    with pytest.raises(OmpModelsError, match=r"policy\.int8\.onnx"):
        read_manifest(out)


def test_a_directory_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OmpModelsError, match=r"manifest\.json does not exist"):
        read_manifest(tmp_path)
