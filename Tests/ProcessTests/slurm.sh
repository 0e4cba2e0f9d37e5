#!/usr/bin/env bash
# A Slurm cluster of this machine alone, for the tests: controller, three nodes on addresses of loopback, and munge, all below
# DIR and on ports from PORT on.
#   slurm.sh up DIR PORT     starts it and waits until its nodes are idle
#   slurm.sh down DIR        ends its jobs and its daemons
# Clients find it by SLURM_CONF=DIR/slurm.conf.
set -euo pipefail
export PATH=$PATH:/usr/sbin
dir=$2
export SLURM_CONF=$dir/slurm.conf
nodes=(n1 n2 n3)

configure() {
  local port=$1 cpus
  cpus=$(nproc)
  mkdir -p "$dir"/{state,log,munge}
  chmod 700 "$dir/munge"
  dd if=/dev/urandom of="$dir/munge/key" bs=128 count=1 status=none
  chmod 600 "$dir/munge/key"
  {
    cat <<END
ClusterName=sluice
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmctldParameters=enable_configless
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=0,bf_interval=1
ReturnToService=2
KillWait=30
END
    for index in "${!nodes[@]}"; do
      echo "NodeName=${nodes[index]} NodeHostname=$(hostname -s) NodeAddr=127.0.0.$((index + 1)) Port=$((port + 1 + index)) CPUs=$((4 * cpus))"
    done
    echo "PartitionName=all Nodes=ALL Default=YES State=UP"
  } >"$SLURM_CONF"
}

# Starts a daemon that holds nothing open of who started this script: Foundation waits for a child until all it opened is closed.
daemon() {
  (
    for file in /proc/self/fd/*; do
      ((${file##*/} <= 2)) || eval "exec ${file##*/}>&-"
    done
    exec "$@"
  ) </dev/null >>"$dir/log/start" 2>&1
}

up() {
  configure "$1"
  daemon munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
    --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
  daemon slurmctld
  for node in "${nodes[@]}"; do
    mkdir -p "$dir/spool-$node"
    daemon slurmd -N "$node"
  done
  for _ in {1..100}; do
    (($(sinfo --noheader --states=idle --Node --format=%N | wc -l) == ${#nodes[@]})) && exit
    sleep 0.2
  done
  {
    echo "error: the nodes of the Slurm cluster in $dir are not idle:"
    sinfo
    tail -n 20 "$dir"/log/*
  } >&2
  exit 1
}

down() {
  scancel --user root 2>/dev/null || true
  for _ in {1..50}; do
    [[ -n $(squeue --noheader 2>/dev/null) ]] || break
    sleep 0.2
  done
  # They block SIGTERM if who started them does, as a test under Swift's runner.
  local file
  for file in "$dir"/slurmd-*.pid "$dir/slurmctld.pid" "$dir/munge/pid"; do
    [[ ! -s $file ]] || kill -KILL "$(<"$file")" 2>/dev/null || true
  done
}

case $1 in
  up) up "$3" ;;
  down) down ;;
esac
