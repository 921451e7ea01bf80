"""Copies a bundle and adds the variant `tau`, made from its checkpoint: `add_tau_variant.py BUNDLE OUT`."""

import shutil
import sys
import tempfile
from pathlib import Path

from omp_models.bundle import CHECKPOINT_FILE, VARIANT_FILES, read_manifest, variant_section, write_bundle
from omp_models.export_onnx import export_timed_onnx
from omp_models.policy import load_policy

bundle, out = (Path(argument) for argument in sys.argv[1:])
manifest = read_manifest(bundle)
with tempfile.TemporaryDirectory() as folder:
    for name in manifest.pop("files"):
        shutil.copy(bundle / name, folder)
    export_timed_onnx(load_policy(bundle / CHECKPOINT_FILE), Path(folder) / VARIANT_FILES["tau"])
    manifest["variants"].append(variant_section("tau"))
    write_bundle(Path(folder), manifest, out)
