"""Collections of short videos in many codecs, containers and sizes, some of them damaged."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

LABELS = ["red square", "green circle", "blue star", "white cross"]
# Container, encoder and its options.
KINDS = [
    ("mp4", "libx264 -bf 2 -g 12"),
    ("mp4", "libx264 -bf 3 -g 250 -flags +cgop"),
    ("mkv", "libx264 -bf 3 -g 24 -x264-params open-gop=1:log-level=none"),
    ("ts", "libx264 -bf 2 -g 30"),
    ("mov", "libx264 -pix_fmt yuv422p10le -g 30"),
    ("avi", "mpeg4 -q:v 4 -g 24"),
    ("mp4", "mpeg4 -q:v 4 -bf 2 -g 30"),
    ("ts", "mpeg2video -q:v 4 -bf 2 -g 15"),
    ("mpg", "mpeg2video -q:v 4 -bf 2 -g 15"),
    ("webm", "libvpx-vp9 -crf 34 -b:v 0 -deadline realtime -cpu-used 8 -g 60"),
    ("mkv", "libx265 -x265-params log-level=none:pools=none:frame-threads=1 -preset ultrafast -g 24"),
    ("mov", "mjpeg -q:v 6 -pix_fmt yuvj420p"),
    ("ogv", "libtheora -q:v 6 -g 30"),
]
SIZES = ["160x120", "176x144", "320x240", "202x114"]


def make_originals(directory, seconds):
    """One video for each kind and size; returns their paths."""
    directory.mkdir(parents=True)
    paths = []
    for number, (container, encoder) in enumerate(KINDS):
        for place, size in enumerate(SIZES):
            path = directory / f"{number:02}-{place}.{container}"
            source = f"testsrc2=size={size}:rate=25:duration={seconds},noise=alls=12:all_seed={number * 10 + place}"
            subprocess.run(
                ["ffmpeg", "-loglevel", "error", "-threads", "1", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p",
                 "-c:v", *encoder.split(), "-threads", "1", str(path)], check=True, stdin=subprocess.DEVNULL)
            paths.append(path)
    return paths


def damage(path, generator, keeps_size=True):
    """Damages a file in place: flipped bits, a block of noise or of zeros, or (where its size may change) a cut."""
    data = bytearray(path.read_bytes())
    how = generator.randrange(4 if keeps_size else 5)
    if how == 4:
        del data[generator.randrange(1, len(data)):]
    elif how == 0:
        for _ in range(generator.randint(1, 40)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    else:
        count = min(generator.choice([16, 200, 2000, 20000]), len(data))
        start = generator.randrange(len(data) - count + 1)
        # Headers, at an end of the file, are hit as often as all the rest.
        if how == 3:
            start = generator.choice([0, len(data) - count])
        data[start:start + count] = generator.randbytes(count) if how != 2 else bytes(count)
    path.write_bytes(data)


class Collection:
    """A directory with `manifest.jsonl` and `labels.txt`, filled with copies of a few originals."""

    def __init__(self, directory, seconds=2, seed=1):
        self.directory = Path(directory)
        self.generator = random.Random(seed)
        self.originals = make_originals(self.directory / "originals", seconds)
        self.videos = self.directory / "videos"
        self.videos.mkdir()
        (self.directory / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
        self.rows = []

    def add(self, count, name, is_damaged=False):
        """Adds `count` videos and returns their paths."""
        added = []
        for number in range(count):
            original = self.originals[number % len(self.originals)]
            path = self.videos / f"{name}-{number:05}{original.suffix}"
            shutil.copyfile(original, path)
            if is_damaged:
                damage(path, self.generator, keeps_size=False)
            label = LABELS[len(self.rows) % len(LABELS)]
            self.rows.append({"file": f"videos/{path.name}", "hashtags": [label.replace(" ", "")], "labels": [label]})
            added.append(path)
        return added

    def build(self, sluice):
        """Writes the manifest, builds the corpus and prints how the files' frames are found."""
        manifest = "".join(json.dumps({**row, "split": "train"}) + "\n" for row in self.rows)
        (self.directory / "manifest.jsonl").write_text(manifest)
        built = subprocess.run([sluice, "corpus", "build", str(self.directory)], capture_output=True, text=True)
        if built.returncode:
            sys.exit(f"corpus build: {built.stderr}")
        print(built.stdout.strip())
