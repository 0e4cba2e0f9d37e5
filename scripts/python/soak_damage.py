#!/usr/bin/env python3
"""soak_damage.py SLUICE DIRECTORY FILES: trains on a corpus of which FILES videos are damaged after it was built and half as
many before, with 1 and with 3 decode workers. Every run must end, name every bad video with a reason and no good one, keep
its memory bounded, and give the same parameters."""
import json, os, subprocess, sys, time
from pathlib import Path
from mixed_videos import Collection, damage

sluice, work, files = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
# Frames of a damaged header's size may be decoded before they are found bad: up to 64 megapixels, several at once.
most_bytes = 768 << 20

collection = Collection(work / "corpus")
collection.add(files // 2, "good")
collection.add(files // 2, "before", is_damaged=True)
later = collection.add(files, "after")
collection.build(sluice)
for path in later:
    damage(path, collection.generator)

clips_per_step = 3 * 16
steps = -(-5 * files // (2 * clips_per_step))


def run(name, decoders):
    topology = work / f"{name}.yaml"
    topology.write_text(f"""
name: {name}
seed: 1
corpus: {work}/corpus
max_bad_fraction: 1
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: {decoders}, augment: 1, batch: 1, train: 1, average: 1}}
clip: {{frames: 4, stride: 4, slack: 1, resize: [40, 54], crop: 32}}
sampling: {{labels: square-root}}
train: {{network: r2plus1d-10, width: 0.125, replicas: 3, batch: 16, steps: {steps}, learning_rate: 0.01}}
""")
    process = subprocess.Popen([sluice, "run", str(topology), "--output", str(work / name)],
                               stdout=subprocess.DEVNULL, stderr=open(work / f"{name}.log", "w"))
    peak, deadline = {}, time.monotonic() + 1800
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.terminate()
            sys.exit(f"{name}: no end after half an hour; see {work}/{name}.log")
        for pid, size in resident(process.pid):
            peak[pid] = max(peak.get(pid, 0), size)
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"{name}: exit status {process.returncode}\n{open(work / f'{name}.log').read()[-2000:]}")
    return json.loads((work / name / "report.json").read_text()), peak


def resident(parent):
    """Process id and resident bytes of each decode worker."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline").read().split("\0")
            above = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
            if above == parent and "decode" in command:
                yield pid, int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096
        except (OSError, IndexError, ValueError):
            pass


reports = {}
for decoders in (1, 3):
    report, peak = run(f"workers-{decoders}", decoders)
    reports[decoders] = report
    bad = report["quarantined"]
    names = [Path(entry["video"]).name for entry in bad]
    print(f"{decoders} decode workers: {report['samples_used']} clips, {report['substitutes']} substitutes, "
          f"{len(bad)} videos quarantined, {report['workers_lost']} workers lost, {report['seconds']:.0f} s, "
          f"at most {max(peak.values(), default=0) / 2**20:.0f} MiB in a decode worker")
    assert report["samples_used"] == report["samples_planned"]
    assert report["substitutes"] > 0 and bad, "nothing was bad"
    assert all(entry["reason"] for entry in bad), "a video without a reason"
    assert not [name for name in names if name.startswith("good")], "a good video was quarantined"
    assert peak and max(peak.values()) <= most_bytes, f"more than {most_bytes >> 20} MiB"
one, three = reports[1], reports[3]
assert one["parameters_sha256"] == three["parameters_sha256"], "other parameters"
assert one["substitutes"] == three["substitutes"]
assert sorted(map(str, one["quarantined"])) == sorted(map(str, three["quarantined"])), "other verdicts"
kinds = {}
for entry in one["quarantined"]:
    reason = entry["reason"].split(": ", 1)[-1]
    kind = " ".join(word for word in reason.split() if not any(letter.isdigit() for letter in word))
    kinds[kind] = kinds.get(kind, 0) + 1
for kind, count in sorted(kinds.items(), key=lambda item: -item[1]):
    print(f"{count:5} {kind}")
print(f"the same parameters: {one['parameters_sha256']}")
