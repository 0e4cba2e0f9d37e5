#!/usr/bin/env bash
# Hosts for the fault tests, each a network namespace on one bridge, in a namespace of its own. Needs root. Used by FourHosts.swift.
#   hosts.sh up NAME...                       makes the hosts 10.77.0.1, .2, ...; what an earlier run left goes first
#   hosts.sh down                             removes hosts, processes and mounts
#   hosts.sh run NAME ROOT CHILD... -- CMD    runs CMD there; of the directory ROOT it sees only these children, the first its own
#   hosts.sh link NAME up|down
#   hosts.sh loss NAME PERCENT                both ways; 0 ends it
#   hosts.sh delay NAME MILLISECONDS          both ways; 0 ends it
# Loss and delay are netem's where the kernel has it. Elsewhere nftables drops packets and relay.py delays them.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
prefix=sluice-faults
hub=$prefix-hub

down() {
  local space
  # What these hosts run is known by its environment, also from another mount namespace.
  { grep -lzsx "SLUICE_HOSTS=$prefix" /proc/[0-9]*/environ || true; } | cut -d/ -f3 | xargs -r kill -KILL 2>/dev/null || true
  for space in $(ip netns list | awk -v p="^$prefix-" '$1 ~ p {print $1}'); do
    ip netns pids "$space" | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$space"
  done
  awk -v p=$prefix '$1 == p {print $2}' /proc/mounts | sort -r | xargs -rn1 umount -l
}

up() {
  down
  ip netns add $hub
  ip -n $hub link add bridge type bridge
  ip -n $hub link set bridge up
  local number=0 name
  for name in "$@"; do
    number=$((number + 1))
    ip netns add "$prefix-$name"
    ip -n "$prefix-$name" link set lo up
    ip link add "to-$name" netns $hub type veth peer name eth0 netns "$prefix-$name"
    # Frames are passed on whole and with their checksums, also by relay.py.
    ip netns exec "$prefix-$name" ethtool -K eth0 tx off tso off gso off gro off >/dev/null
    ip -n "$prefix-$name" addr add "10.77.0.$number/24" dev eth0
    ip -n "$prefix-$name" link set eth0 up
    ip -n $hub link set "to-$name" master bridge up
    ip -n $hub link add "port-$name" type veth peer name "far-$name"
    ip -n $hub link set "port-$name" up
    ip -n $hub link set "far-$name" up
  done
  has_netem "to-$1" || ip netns exec $hub nft "
    add table bridge loss
    add chain bridge loss forward { type filter hook forward priority 0; }"
}

has_netem() {
  tc -n $hub qdisc add dev "$1" root netem delay 1ms 2>/dev/null && tc -n $hub qdisc del dev "$1" root
}

# netem NAME OPTION VALUE: in both directions; a value of 0 ends it.
netem() {
  local where
  for where in "$hub to-$1" "$prefix-$1 eth0"; do
    # shellcheck disable=SC2086
    set -- "$1" "$2" "$3" $where
    if [[ $3 == 0* ]]; then
      tc -n "$4" qdisc del dev "$5" root 2>/dev/null || true
    else
      tc -n "$4" qdisc replace dev "$5" root netem "$2" "$3"
    fi
  done
}

loss() {
  if has_netem "to-$1"; then
    netem "$1" loss "$2%"
  else
    ip netns exec $hub nft flush chain bridge loss forward
    (($2 == 0)) || ip netns exec $hub nft "
      add rule bridge loss forward iifname to-$1 numgen random mod 100 < $2 drop
      add rule bridge loss forward oifname to-$1 numgen random mod 100 < $2 drop"
  fi
}

delay() {
  if has_netem "to-$1"; then
    netem "$1" delay "$2ms"
  elif (($2 == 0)); then
    ip netns pids $hub | while read -r id; do
      if tr '\0' ' ' <"/proc/$id/cmdline" | grep -q "relay.py to-$1 "; then kill -KILL "$id"; fi
    done
    ip -n $hub link set "port-$1" nomaster
    ip -n $hub link set "to-$1" master bridge
  else
    ip -n $hub link set "to-$1" nomaster
    ip -n $hub link set "port-$1" master bridge
    ip netns exec $hub python3 "$here/relay.py" "to-$1" "far-$1" "$2" </dev/null >/dev/null 2>&1 &
  fi
}

run() {
  local name=$1 root=$2
  shift 2
  export SLUICE_HOSTS=$prefix
  exec ip netns exec "$prefix-$name" unshare --mount --propagation private bash -euc '
    root=$0 own=$root/$1/mounts
    mkdir -p "$own"
    mount -t tmpfs '$prefix' "$own"
    while [[ $1 != -- ]]; do
      mkdir -p "$own/$1"
      mount --rbind "$root/$1" "$own/$1"
      shift
    done
    mount --rbind "$own" "$root"
    shift
    exec "$@"' "$root" "$@"
}

command=$1
shift
case $command in
  up | down | run | loss | delay) "$command" "$@" ;;
  link) ip -n $hub link set "to-$1" "$2" ;;
  *) echo "unknown command $command" >&2; exit 2 ;;
esac
