#!/usr/bin/env python3
"""Decoding of random clips by `sluice bench decode` and by PyAV, OpenCV, decord and torchcodec. See scripts/compare.

Eight cases: real H.264 footage (real_videos.py) at 340x256 and 1280x720, a keyframe at most every 250 and 30 frames,
clips of 8 and 32 frames, stride 2. Everybody decodes the same clips of the same files, opens the file anew for each,
scales to 171x128 RGB and has one thread. Measured is the process' CPU time after one clip to warm up, alternating.

Sluice decodes by packet tables, which `sluice corpus build` makes once for a collection; making them is not measured. In the
column `cold` it opens the same files as if they had never been indexed. The peers keep nothing between two opens of a file;
each is in its fastest mode that returns the frames asked for.
"""

import argparse
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environment
import real_videos

WIDTH, HEIGHT = 171, 128
STRIDE = 2
# Clips of one video in one pass, and how often that is measured.
UNIFORM = 10
CALLS = 4
# Clips of a round, by height: about a second or two of work each.
CLIPS = {256: 40, 720: 10}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--videos", type=Path, default=environment.CACHE / "real-videos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="TEXT", help="cases whose name has one of these in it")
    parser.add_argument("--peer", choices=[*PEERS, "sampler"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--starts", type=int, nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def pyav(path, indices):
    import av

    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        stream.thread_type = "NONE"
        step = 1 / (stream.average_rate * stream.time_base)
        first = stream.start_time or 0
        wanted = {int(first + index * step): place for place, index in enumerate(indices)}
        container.seek(int(first + indices[0] * step), stream=stream)
        out = [None] * len(indices)
        missing = len(indices)
        for frame in container.decode(stream):
            place = wanted.get(frame.pts)
            if place is None:
                continue
            out[place] = frame.to_ndarray(format="rgb24", width=WIDTH, height=HEIGHT)
            missing -= 1
            if missing == 0:
                return out
    raise ValueError(f"{path}: {missing} frames missing")


def opencv(path, indices):
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.set(cv2.CAP_PROP_POS_FRAMES, indices[0])
    out = []
    for index in range(indices[0], indices[-1] + 1):
        if not capture.grab():
            raise ValueError(f"{path}: no frame {index}")
        if (index - indices[0]) % STRIDE == 0:
            frame = cv2.resize(capture.retrieve()[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
            out.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    capture.release()
    return out


def decord(path, indices):
    import decord as peer

    return peer.VideoReader(path, ctx=peer.cpu(0), width=WIDTH, height=HEIGHT, num_threads=1).get_batch(indices).asnumpy()


def torchcodec(path, indices):
    import torch
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    torch.set_num_threads(1)
    # `approximate` opens without reading the file through: its fastest mode.
    decoder = VideoDecoder(
        path, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="approximate",
        transforms=[Resize((HEIGHT, WIDTH))],
    )
    return decoder.get_frames_at(indices=indices).data.numpy()


def torchcodec_uniform(path, frames):
    import torch
    from torchcodec.decoders import VideoDecoder
    from torchcodec.samplers import clips_at_regular_indices
    from torchcodec.transforms import Resize

    torch.set_num_threads(1)
    decoder = VideoDecoder(
        path, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="approximate",
        transforms=[Resize((HEIGHT, WIDTH))],
    )
    return clips_at_regular_indices(
        decoder, num_clips=UNIFORM, num_frames_per_clip=frames, num_indices_between_frames=STRIDE
    ).data.numpy()


OURS = ["sluice", "cold"]
PEERS = {"PyAV": pyav, "OpenCV": opencv, "decord": decord, "torchcodec": torchcodec}


def measure_peer(options):
    if options.peer == "sampler":
        torchcodec_uniform(options.file, options.frames)
        began = time.process_time()
        for _ in range(CALLS):
            clips = torchcodec_uniform(options.file, options.frames)
            assert clips.shape == (UNIFORM, options.frames, HEIGHT, WIDTH, 3), "not the clips asked for"
        print(json.dumps({"clips_per_cpu_second": CALLS * UNIFORM / (time.process_time() - began)}))
        return
    decode = PEERS[options.peer]
    clips = [[start + STRIDE * i for i in range(options.frames)] for start in options.starts]
    warm = decode(options.file, clips[0])
    assert len(warm) == options.frames and warm[0].shape == (HEIGHT, WIDTH, 3), "not the clip asked for"
    began = time.process_time()
    for indices in clips:
        decode(options.file, indices)
    print(json.dumps({"clips_per_cpu_second": len(clips) / (time.process_time() - began)}))


def run(command):
    """The JSON on the last line, or why there is none."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"exit code {done.returncode}"
    return json.loads(done.stdout.splitlines()[-1])["clips_per_cpu_second"], None


def measure_case(options, path, height, frames, reasons):
    """Median clips a CPU second by name."""
    draw = random.Random(frames * 1000 + height)
    starts = [str(draw.randrange(250 - (frames - 1) * STRIDE)) for _ in range(CLIPS[height])]
    bench = [
        options.sluice, "bench", "decode", str(path), "--frames", str(frames), "--stride", str(STRIDE), "--clips",
        str(len(starts)), "--json", "--starts", *starts,
    ]
    commands = {"sluice": bench, "cold": [*bench, "--cold"]}
    for peer in PEERS:
        commands[peer] = peer_command(options, peer, path, frames, starts)
    return medians(options, commands, reasons)


def peer_command(options, peer, path, frames, starts):
    return [
        sys.executable, __file__, "--sluice", options.sluice, "--peer", peer, "--file", str(path), "--frames",
        str(frames), "--starts", *starts,
    ]


def medians(options, commands, reasons):
    rounds = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            if name in reasons:
                continue
            speed, reason = run(command)
            if reason is None:
                rounds[name].append(speed)
            elif name in OURS:
                sys.exit(f"sluice bench decode: {reason}")
            else:
                reasons[name] = reason
    return {name: statistics.median(speeds) for name, speeds in rounds.items() if speeds and name not in reasons}


def children_seconds(commands):
    """CPU seconds of processes run one after the other."""
    before = os.times()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure_uniform(options, path, reasons):
    """Ten clips spread over one video: in one call, and clip by clip."""
    frames = 8
    starts = [str(i * (250 - (frames - 1) * STRIDE - 1) // (UNIFORM - 1)) for i in range(UNIFORM)]
    bench = [
        options.sluice, "bench", "decode", str(path), "--frames", str(frames), "--stride", str(STRIDE), "--clips",
        str(CALLS * UNIFORM), "--json", "--uniform", str(UNIFORM),
    ]
    commands = {
        "sluice": bench, "cold": [*bench, "--cold"], "PyAV": peer_command(options, "PyAV", path, frames, starts * CALLS),
        "sampler": peer_command(options, "sampler", path, frames, starts),
    }
    speeds = medians(options, commands, reasons)
    print(f"{UNIFORM} uniform clips of {path.name}, {frames} f, in one pass, clips a CPU second:")
    for name, text in {"PyAV": "PyAV seeking per clip", "sampler": "torchcodec clips_at_regular_indices"}.items():
        if name in speeds:
            ratios = "  ".join(f"{own} {speeds[own] / speeds[name]:.2f}" for own in OURS)
            print(f"  {text} {speeds[name]:.1f}, sluice {speeds['sluice']:.1f}, cold {speeds['cold']:.1f}: {ratios}")
    with tempfile.TemporaryDirectory() as folder:
        decode = [
            options.sluice, "decode", str(path), "--frames", str(frames), "--stride", str(STRIDE), "--resize",
            f"{HEIGHT}x{WIDTH}", "--output", f"{folder}/clips.safetensors",
        ]
        one = [children_seconds([[*decode, "--clips", str(UNIFORM)]]) for _ in range(options.rounds)]
        each = [children_seconds([[*decode, "--frame", start] for start in starts]) for _ in range(options.rounds)]
    whole, parts = statistics.median(one), statistics.median(each)
    print(f"  CPU seconds of `sluice decode`: once for all {whole:.3f}, once a clip {parts:.3f}: {parts / whole:.2f}")


def main():
    options = parse()
    environment.enter(__file__, "decode")
    if options.peer:
        return measure_peer(options)
    paths = real_videos.make(options.videos)
    print(
        f"clips a CPU second, one thread, {platform.machine()} with {os.cpu_count()} cores, "
        f"{time.strftime('%Y-%m-%d')}; medians of {options.rounds} alternating rounds"
    )
    print("sluice: by packet tables, made before as `corpus build` does; cold: files as never indexed")
    print(f"{'case':24}" + "".join(f"{name:>12}" for name in [*OURS, *PEERS]) + "  to the best peer: sluice, cold")
    ratios = []
    reasons = {}
    for (width, height, gop), path in paths.items():
        for frames in (8, 32):
            case = f"{width}x{height} gop {gop} {frames} f"
            if options.only and not any(text in case for text in options.only):
                continue
            speeds = measure_case(options, path, height, frames, reasons)
            best = max((speed for name, speed in speeds.items() if name not in OURS), default=None)
            cells = "".join(f"{speeds[n]:12.1f}" if n in speeds else f"{'-':>12}" for n in [*OURS, *PEERS])
            own = [speeds[name] / best for name in OURS] if best else []
            print(f"{case:24}{cells}" + "".join(f"  {ratio:.2f}" for ratio in own), flush=True)
            ratios += [own] if own else []
    if not options.only or any(text in "uniform" for text in options.only):
        measure_uniform(options, paths[(340, 256, 250)], reasons)
    for name, reason in reasons.items():
        print(f"{name} could not be measured here: {reason}")
    if ratios:
        means = [math.exp(statistics.fmean(map(math.log, column))) for column in zip(*ratios, strict=True)]
        print(f"geometric mean of {len(ratios)} cases: sluice {means[0]:.2f}, cold {means[1]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
