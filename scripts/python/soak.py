#!/usr/bin/env python3
"""soak.py SLUICE DIRECTORY ITEMS [mixed]: runs ITEMS clips through a topology and compares resident memory at 20 % and at the
end. The corpus is DIRECTORY/corpus, or (mixed) one that is made here of many codecs, containers and sizes, a fifth of it damaged
before and after it was built."""
import json, os, subprocess, sys, time
from mixed_videos import Collection, damage

sluice, work, items = sys.argv[1], sys.argv[2], int(sys.argv[3])
if sys.argv[4:] == ["mixed"]:
    collection = Collection(f"{work}/corpus")
    collection.add(416, "good")
    collection.add(52, "before", is_damaged=True)
    later = collection.add(52, "after")
    collection.build(sluice)
    for path in later:
        damage(path, collection.generator)
clips_per_step = 4 * 16
steps = -(-items // clips_per_step)
topology = f"""
name: soak
seed: 1
corpus: {work}/corpus
max_bad_fraction: 1
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: 2, augment: 1, batch: 1, train: 1, average: 1}}
clip: {{frames: 4, stride: 2, slack: 1, resize: [40, 54], crop: 32}}
sampling: {{labels: square-root}}
train: {{network: r2plus1d-10, width: 0.125, replicas: 4, batch: 16, steps: {steps}, learning_rate: 0.01}}
checkpoint: {{every: {max(steps // 8, 1)}, keep: 2}}
"""
path = f"{work}/soak.yaml"
open(path, "w").write(topology)
run = subprocess.Popen([sluice, "run", path, "--output", f"{work}/run"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={**os.environ, "SLUICE_FAULTS": "train=nothing"})


def status():
    answer = subprocess.run([sluice, "status", "--run", f"{work}/run", "--json"], capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1]) if answer.returncode == 0 else None


def resident():
    """Resident bytes of the supervisor and every process below it, by name and process id."""
    sizes = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline").read().split("\0")
            parent = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
            if int(pid) == run.pid or parent == run.pid:
                name = command[3] if command[1] == "stage" else command[1]
                sizes[f"{name}#{pid}"] = int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096
        except (OSError, IndexError, ValueError):
            pass
    return sizes


early, late, done = None, {}, 0
while run.poll() is None:
    answer = status()
    if answer:
        done = answer["version"]
        late = resident() or late
        if early is None and done >= steps // 5:
            early = late
    time.sleep(0.5)
grown = False
for name in sorted(late):
    if not early or name not in early:
        continue
    limit = 1.05 * early[name] + (8 << 20)
    bad = late[name] > limit
    grown |= bad
    print(f"{name:24} {early[name] / 2**20:8.1f} MiB at 20 %  {late[name] / 2**20:8.1f} MiB at step {done}"
          f"{'  GROWN' if bad else ''}")
report = f"{work}/run/report.json"
if os.path.exists(report):
    report = json.load(open(report))
    print(f"{report['substitutes']} substitutes, {len(report['quarantined'])} videos quarantined, {report['seconds']:.0f} s")
print(f"{steps * clips_per_step} clips, exit status {run.returncode}")
sys.exit(1 if grown or run.returncode or not early or done < steps * 0.9 else 0)
