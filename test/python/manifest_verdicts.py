"""Writes what `parse_manifest` says of each manifest text in the JSON array of a file: null or its refusal."""

import json
import sys
from pathlib import Path

from omp_models.bundle import parse_manifest
from omp_models.errors import OmpModelsError


def verdict(text: str) -> str | None:
    """The message of a BUNDLE_INVALID; any other error is a defect."""
    try:
        parse_manifest(text)
    except OmpModelsError as error:
        if error.code != "BUNDLE_INVALID":
            raise
        return str(error)
    return None


if __name__ == "__main__":
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    json.dump([verdict(text) for text in texts], sys.stdout)
