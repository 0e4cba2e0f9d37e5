#!/usr/bin/env python3
"""soak_scaling.py BIN DIRECTORY MINUTES SEED: trains on two hosts of this machine for so long, with other numbers of workers every
minute and one worker stopped for a whole minute. Resident memory and open files of every process must be the same at
the end as after a fifth of the time, no process and no file may be left, and the parameters must be those of a run whose
workers nobody changed. The corpus is DIRECTORY/corpus."""
import json, os, random, signal, subprocess, sys, time

binaries, work, minutes, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
generator = random.Random(seed)
STAGES = {"decode": 3, "augment": 2, "batch": 2, "train": 2, "evaluate": 2}
HOSTS = ["a", "b"]
MEMORY_FACTOR, MEMORY_SLACK = 1.05, 8 << 20


def topology(hosts):
    return f"""
name: soak
seed: 1
corpus: {work}/corpus
hosts:
{hosts}
clip: {{frames: 4, stride: 2, slack: 1, resize: [40, 54], crop: 32}}
sampling: {{labels: square-root}}
train: {{network: r2plus1d-10, width: 0.125, replicas: 4, batch: 4, steps: 1000000, learning_rate: 0.01}}
evaluate: {{every: 500, clips: 2, split: validation}}
checkpoint: {{every: 100, keep: 2}}
"""


WORKERS = ", ".join(f"{stage}: 1" for stage in STAGES)
port = generator.randrange(20000, 30000)
two, one = f"{work}/two.yaml", f"{work}/one.yaml"
open(two, "w").write(topology(
    f"  a: {{address: 127.0.0.1, coordinator: true, port: {port}, {WORKERS}, average: 2}}\n"
    f"  b: {{address: 127.0.0.2, {WORKERS}}}"))
open(one, "w").write(topology(f"  here: {{address: 127.0.0.1, coordinator: true, {WORKERS}, average: 1}}"))
temporary = f"{work}/temporary"
os.mkdir(temporary)
environment = {**os.environ, "TMPDIR": temporary, "SLUICE_FAULTS": "pace=0.25"}
before = set(os.listdir("/dev/shm"))
log = open(f"{work}/log", "w")
run = subprocess.Popen([f"{binaries}/sluice-faulty", "run", two, "--output", f"{work}/run"],
                       stdout=subprocess.DEVNULL, stderr=log, env=environment)


def ask(*arguments):
    answer = subprocess.run([f"{binaries}/sluice", *arguments, "--run", f"{work}/run", "--json"],
                            capture_output=True, text=True, env=environment)
    if answer.returncode:
        print(f"sluice {' '.join(arguments)}: {answer.stderr.strip()}", flush=True)
        return None
    return json.loads(answer.stdout.splitlines()[-1])


def status():
    """Of a coordinator that may be busy for a moment."""
    for _ in range(30):
        if (answer := ask("status")) is not None:
            return answer
        wait(1)
    sys.exit("the run does not say how it is")


def family():
    """The run's process and all below it."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(pid)] = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            pass
    found = {run.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def open_files(pid):
    """But for the video that a decode worker may be reading at this moment."""
    count = 0
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += not os.readlink(f"/proc/{pid}/fd/{number}").startswith(f"{work}/corpus/videos/")
        except OSError:
            pass
    return count


def sizes(names):
    """Resident bytes and open files, by process id."""
    found = {}
    for pid in family():
        try:
            pages = int(open(f"/proc/{pid}/statm").read().split()[1])
            command = open(f"/proc/{pid}/cmdline").read().split("\0")[1]
            found[pid] = (names.get(pid, command), pages * 4096, open_files(pid))
        except (OSError, IndexError, ValueError):
            pass
    return found


def wait(seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if run.poll() is not None:
            sys.exit(f"the run ended with status {run.returncode}:\n{open(f'{work}/log').read()[-4000:]}")
        time.sleep(0.5)


def scale(counts):
    """As many workers of each stage on each host."""
    for host in HOSTS:
        ask("scale", *(f"{stage}={count}" for stage, count in counts[host].items()), "--host", host)
    wanted = {(host, stage): count for host in HOSTS for stage, count in counts[host].items()}
    deadline = time.monotonic() + 40
    while (found := workers()) != wanted:
        if time.monotonic() > deadline:
            sys.exit(f"asked for {wanted}, there are {found}")
        wait(1)


def workers():
    """Workers of each host and stage that is scaled."""
    found = {(host, stage): 0 for host in HOSTS for stage in STAGES}
    for worker in status()["workers"]:
        key = tuple(worker["id"].split("/")[:2])
        if key in found:
            found[key] += 1
    return found


def measure():
    """With one worker a stage and host, as at the start."""
    scale({host: dict.fromkeys(STAGES, 1) for host in HOSTS})
    wait(60)
    said = status()
    return sizes({worker["processID"]: worker["id"] for worker in said["workers"]}), said["version"]


def stop_a_worker():
    """For a minute; it is not lost, since it is not silent for `lost_after`, or is and comes back."""
    worker = next(w for w in status()["workers"] if w["id"].startswith("b/decode/"))
    os.kill(worker["processID"], signal.SIGSTOP)
    wait(60)
    os.kill(worker["processID"], signal.SIGCONT)
    print(f"{worker['id']} was stopped for a minute", flush=True)
    return worker["id"]


wait(20)
early, late, changes, stopped = None, None, 0, None
for minute in range(minutes):
    if minute == minutes // 5:
        early, step = measure()
        print(f"minute {minute}, step {step}: {len(early)} processes", flush=True)
    elif minute == minutes // 3:
        stopped = stop_a_worker()
    else:
        scale({host: {stage: generator.randint(1, most) for stage, most in STAGES.items()} for host in HOSTS})
        changes += 1
        wait(60)
late, step = measure()
print(f"at the end, step {step}: {len(late)} processes, after {changes} changes", flush=True)
bad = []
for pid, (name, bytes_, files) in sorted(late.items(), key=lambda item: item[1]):
    if pid not in early:
        continue
    _, early_bytes, early_files = early[pid]
    grown = bytes_ > MEMORY_FACTOR * early_bytes + MEMORY_SLACK or files > early_files
    print(f"{name:24} {early_bytes / 2**20:7.1f} -> {bytes_ / 2**20:7.1f} MiB  {early_files:4} -> {files:4} files"
          f"{'  GROWN' if grown else ''}", flush=True)
    bad += [name] * grown
# One worker a stage and host is never taken away: only the stopped one may have been given up.
gone = [name for pid, (name, _, _) in early.items() if pid not in late and name != stopped]
print(f"{len(early.keys() & late.keys())} of {len(early)} processes lived from one measurement to the other; gone: "
      f"{gone or 'none'}", flush=True)
everyone = family()
run.send_signal(signal.SIGTERM)
if run.wait(120):
    sys.exit(f"the run ended with status {run.returncode}:\n{open(f'{work}/log').read()[-4000:]}")
report = json.load(open(f"{work}/run/report.json"))
left = [pid for pid in everyone if os.path.exists(f"/proc/{pid}/exe")]
files = sorted(os.listdir(temporary)) + sorted(set(os.listdir("/dev/shm")) - before)
expected = {"topology.yaml", "metrics.jsonl", "ledger.sqlite", "checkpoints", "weights.safetensors", "report.json",
            "run.json"}
files += sorted(set(os.listdir(f"{work}/run")) - expected)
files += [name for name in os.listdir(f"{work}/run/checkpoints") if not name.startswith("step-")]
print(f"processes left: {left or 'none'}; files left: {files or 'none'}")
print(f"{report['steps']} steps, {report['samples_used']} clips, {report['workers_lost']} workers lost", flush=True)
alone = subprocess.run([f"{binaries}/sluice", "run", one, "--output", f"{work}/alone", "--stop-after",
                        str(report["steps"]), "--json"], capture_output=True, text=True)
if alone.returncode:
    sys.exit(alone.stderr[-4000:])
hashes = report["parameters_sha256"], json.loads(alone.stdout.splitlines()[-1])["parameters_sha256"]
print(f"parameters {hashes[0]}, of a run with one worker a stage {hashes[1]}")
sys.exit(1 if bad or left or files or hashes[0] != hashes[1] or gone else 0)
