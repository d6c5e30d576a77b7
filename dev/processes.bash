# shellcheck shell=bash
# What dev/kafka, lab/lab and others share: how they speak, and processes that outlive the command that starts them. To be
# sourced after `program` has been set.

say() { printf '%s: %s\n' "${program:?}" "$*" >&2; }
die() { say "$*"; exit 1; }
misuse() { say "$*"; exit 2; }

# When a process started, in clock ticks since boot: with its id, names one process for ever.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# Runs a command as a process of its own session that holds nothing of the caller: no pipe, no terminal. Sets `detached`
# to its id.
detach() {
  local log=$1
  shift
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-" 2>/dev/null || true; fi
    done
    cd /
    exec setsid "$@" </dev/null >>"$log" 2>&1
  ) &
  # shellcheck disable=SC2034 # for the caller
  detached=$!
  # No notice from the shell when it ends.
  disown "$detached"
}

# Returns when the process PID that started at BORN has ended.
outlive() {
  local quiet
  # A descriptor that never has anything to read: a sleep without a process.
  exec {quiet}<> <(:)
  while [[ $(born "$1") == "$2" && -n $2 ]]; do read -r -t 0.5 -u "$quiet" || true; done
  exec {quiet}>&-
}
