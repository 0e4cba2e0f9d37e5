"""The virtual environments of the peers, and torchvision's models in theirs."""

import os
import subprocess
import sys
import venv
from pathlib import Path

CACHE = Path.home() / ".cache/sluice"
TORCH = "torch==2.13.0+cpu"
# What pip installs for each kind of peer, one call each; those after the first may fail, and are then left out.
ENVIRONMENTS = {
    "torch": [[TORCH, "safetensors", "numpy", "pillow"], ["--no-deps", "torchvision==0.28.0"]],
    "decode": [[TORCH, "numpy"], ["torchcodec==0.13.0"], ["av"], ["opencv-python-headless"], ["decord"]],
}


def enter(script, kind="torch"):
    """Makes the environment if it is not there, and runs `script` in it with the same arguments."""
    home = CACHE / f"venv-{kind}"
    python = home / "bin/python"
    if Path(sys.prefix).resolve() == home.resolve():
        return
    if not (home / "complete").exists():
        venv.create(home, with_pip=True)
        for number, packages in enumerate(ENVIRONMENTS[kind]):
            done = subprocess.run([str(home / "bin/pip"), "install", "--quiet", *packages], check=False)
            if done.returncode != 0:
                if number == 0 or kind == "torch":
                    sys.exit(f"pip cannot install {' '.join(packages)}")
                print(f"pip cannot install {' '.join(packages)}: left out of the comparison")
        (home / "complete").touch()
    os.execv(python, [str(python), script] + sys.argv[1:])


def video_models():
    """torchvision.models.video; its package asks for operators that only torchvision's own builds have."""
    import torch

    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models import video

    return video
