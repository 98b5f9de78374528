#!/usr/bin/env bash
# A Slurm of one node on the loopback address, to try the profile `slurm` without a cluster.
#
#   one_node_slurm.sh install         Debian's slurm-wlm and munge
#   one_node_slurm.sh start FOLDER
#   one_node_slurm.sh stop FOLDER
#
# For root, in a container or a virtual machine. What it writes is in FOLDER, but for one link: jobs look for their
# Slurm in /etc/slurm/slurm.conf only. Without systemd, cgroups and slurmdbd: nothing holds jobs to the memory that
# they asked for, and how they ended is asked of squeue.
set -euo pipefail
CONFIGURATION=/etc/slurm/slurm.conf

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }

configuration() { # of folder $1
  cat <<EOF
ClusterName=one_node
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$1/munge.socket
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool
SlurmctldPidFile=$1/slurmctld.pid
SlurmdPidFile=$1/slurmd.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# squeue must still know a job that ended long ago: the most that Slurm takes, 18 hours.
MinJobAge=65533
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
}

start() { # in folder $1
  for program in munged slurmctld slurmd; do
    [ -x "$(command -v $program)" ] || { echo "There is no $program: $0 install" >&2; exit 1; }
  done
  [ ! -e $CONFIGURATION ] || { echo "There is a Slurm already, by $(realpath $CONFIGURATION)" >&2; exit 1; }
  mkdir -p "$1/state" "$1/spool"
  local folder; folder=$(realpath "$1")
  configuration "$folder" > "$folder/slurm.conf"
  (umask 077; head -c 1024 /dev/urandom > "$folder/munge.key")
  # --force: the folder may lie where others may write, such as below /tmp.
  munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
  ln -sf "$folder/slurm.conf" $CONFIGURATION
  slurmctld -c
  slurmd
  for _ in $(seq 60); do
    if sinfo --noheader --format=%T 2>/dev/null | grep -q idle; then
      return
    fi
    sleep 0.5
  done
  echo "No node became ready; see $folder/slurmctld.log and $folder/slurmd.log" >&2
  stop "$folder"
  exit 1
}

stop() { # what was started in folder $1, jobs first
  [ "$(realpath $CONFIGURATION)" = "$(realpath "$1/slurm.conf")" ] || { echo "No Slurm runs in $1" >&2; exit 1; }
  scancel --user=root || true
  for daemon in slurmd slurmctld munged; do
    [ ! -s "$1/$daemon.pid" ] || kill "$(cat "$1/$daemon.pid")" 2>/dev/null || true
    for _ in $(seq 60); do
      [ -s "$1/$daemon.pid" ] && kill -0 "$(cat "$1/$daemon.pid")" 2>/dev/null || break
      sleep 0.5
    done
    rm -f "$1/$daemon.pid"
  done
  rm $CONFIGURATION
}

case "${1-} $#" in
  "install 1") apt-get update -qq && apt-get install --no-install-recommends -y slurm-wlm munge ;;
  "start 2") start "$2" ;;
  "stop 2") stop "$2" ;;
  *) usage ;;
esac
