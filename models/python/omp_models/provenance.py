"""Where a result comes from: processor, commit, versions of what decides it."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from . import events

VERSIONED = ("torch", "numpy", "onnxruntime", "mujoco", "metaworld", "gymnasium-robotics")


def hardware(device: str, threads: int) -> str:
    """The processor of `device`, one of `device.DEVICES`, and what of it was used; nothing that names the machine."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor()}, {os.cpu_count()} logical cores, {threads} training thread{'s' if threads > 1 else ''}"


def processor() -> str:
    """Name of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str | None:
    """The repository's commit, with `+` where files were changed; None outside of one."""

    def git(*args: str) -> str | None:
        folder = Path(__file__).parent
        ended = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=False)
        return ended.stdout.strip() if ended.returncode == 0 else None

    head = git("rev-parse", "--short=12", "HEAD")
    return head and head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def versions() -> dict[str, str]:
    """Of the packages that decide a result, where they are installed."""
    found = {}
    for name in VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            events.log(f"{name} is not installed")
    return found
