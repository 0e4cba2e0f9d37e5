#!/usr/bin/env python3
"""damaged_videos.py SLUICE DIRECTORY SOUND MUTATED: a corpus of SOUND whole and MUTATED damaged videos of ten kinds.

Half of the damaged ones are damaged before `sluice corpus build`, half after it, most of them with bits flipped, a fifth cut, a
tenth of them emptied. Needs ffmpeg. Prints what the index left out.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p", "-bf", "2"]
KINDS = {
    "h264.mp4": X264, "h264.mkv": X264, "h264.ts": X264, "h264.avi": X264, "h264.mov": X264,
    "mpeg4.avi": ["-c:v", "mpeg4", "-g", "12", "-bf", "2"], "mpeg2.ts": ["-c:v", "mpeg2video", "-g", "12"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime", "-cpu-used", "8"],
    "mjpeg.mov": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "hevc.mkv": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=12"],
}
SIZES = ["96x72", "128x96", "160x90"]
EMPTY = b""


def sources(folder):
    """A whole video of each kind and size."""
    made = []
    for kind, codec in KINDS.items():
        for size in SIZES:
            path = folder / f"{size}-{kind}"
            subprocess.run(
                ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", "40",
                 *codec, str(path)], check=True)
            made.append(path)
    return made


def mutate(data, draw):
    """The bytes cut, emptied, or with bits flipped: anywhere, or in the headers at either end."""
    how = draw.randrange(10)
    if how == 0:
        return EMPTY
    if how <= 2:
        return data[: draw.randrange(1, len(data))]
    changed = bytearray(data)
    span = len(data) if how <= 5 else min(len(data), 2500)
    first = len(data) - span if how == 9 else 0
    for _ in range(draw.randrange(1, 64)):
        changed[first + draw.randrange(span)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def make(sluice, folder, sound, mutated):
    """The names of files that are emptied after the index was made: none of their windows can be decoded."""
    draw = random.Random(1)
    corpus = folder / "corpus"
    (folder / "sources").mkdir(parents=True)
    corpus.mkdir()
    whole = sources(folder / "sources")
    rows, later = [], []
    for number in range(sound + mutated):
        source = whole[number % len(whole)]
        name = f"{number:05}-{source.name}"
        data = source.read_bytes()
        if number >= sound and number % 2 == 0:
            data = mutate(data, draw)
        elif number >= sound:
            later.append(name)
        (corpus / name).write_bytes(data)
        rows.append(json.dumps({"file": name, "hashtags": ["rideabike", "walkadog"][number % 2:][:1], "split": "train"}))
    (corpus / "labels.txt").write_text("ride a bike\nwalk a dog\n")
    (corpus / "manifest.jsonl").write_text("\n".join(rows) + "\n")
    built = subprocess.run([sluice, "corpus", "build", str(corpus), "--json"], check=True, capture_output=True, text=True)
    print(built.stdout.splitlines()[-1][:300])
    emptied = []
    for name in later:
        data = mutate((corpus / name).read_bytes(), draw)
        (corpus / name).write_bytes(data)
        if data == EMPTY:
            emptied.append(name)
    return emptied


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
