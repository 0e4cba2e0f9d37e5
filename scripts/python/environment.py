"""The virtual environment of the peers, and torchvision's models in it."""

import os
import subprocess
import sys
import venv
from pathlib import Path

VENV = Path.home() / ".cache/sluice/venv-torch"


def enter(script):
    """Makes the environment if it is not there, and runs `script` in it with the same arguments."""
    python = VENV / "bin/python"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not (VENV / "complete").exists():
        venv.create(VENV, with_pip=True)
        pip = [str(VENV / "bin/pip"), "install", "--quiet"]
        subprocess.run(pip + ["torch==2.13.0+cpu", "safetensors", "numpy", "pillow"], check=True)
        subprocess.run(pip + ["--no-deps", "torchvision==0.28.0"], check=True)
        (VENV / "complete").touch()
    os.execv(python, [str(python), script] + sys.argv[1:])


def video_models():
    """torchvision.models.video; its package asks for operators that only torchvision's own builds have."""
    import torch

    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models import video

    return video
