"""Runs a program and reads what it and everything below it used."""

import os
import pathlib
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
running = set()  # what has to be ended when this program ends early


class Failed(Exception):
    pass


def start(words, **how):
    """In a process group of its own, so that Ctrl-C reaches this program first."""
    child = subprocess.Popen(words, start_new_session=True, **how)
    running.add(child)
    return child


def end(child, patience=10):
    """Asks a program that this one started to end, and makes it."""
    running.discard(child)
    if child.stdin:
        child.stdin.close()
    for sign, wait in ((None, 2 if child.stdin else 0), (signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        if child.returncode is None:
            if sign:
                child.send_signal(sign)
            try:
                child.wait(wait)
            except subprocess.TimeoutExpired:
                pass


def end_all():
    for child in list(running):
        end(child)


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            pass
    return found


def find_mock(pid):
    """The mock cluster that a `tribunal run` has started below itself, if it has by now."""
    for child in children(pid):
        try:
            words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:2] == [b"mock"]:
            return child
        below = find_mock(child)
        if below:
            return below
    return None


def cpu_seconds(pid):
    """User and system time so far, or None when the process is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(words, where, timeout, exits=(0,), has_mock=False, environment=None):
    """Runs a program to its end. Returns its standard output and what it used.

    `wait4` gives user and system time of the program and of all below it that were waited for: `tribunal run` waits for
    its coordinator and agents, and those for their own children. The peak of memory is that of the largest process.
    With `has_mock`, the time of the mock cluster below is read from /proc ten times a second and taken off again: it
    is idle at the end, so no more than a reading's worth can be missed.
    """
    mock, mock_cpu = None, 0.0
    out, err = where.with_suffix(".out"), where.with_suffix(".err")
    with out.open("wb") as stdout, err.open("wb") as stderr:
        began = time.monotonic()
        child = start(words, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if has_mock:
                mock = mock or find_mock(child.pid)
                mock_cpu = (mock and cpu_seconds(mock)) or mock_cpu
            if time.monotonic() - began > timeout:
                end(child)
                raise Failed(f"no end within {timeout:.0f} s: {' '.join(words)}; see {err}")
            time.sleep(0.1 if has_mock else 0.02)
        wall = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    running.discard(child)
    said = out.read_text(errors="replace")
    if child.returncode not in exits:
        told = (said + err.read_text(errors="replace"))[-2000:]
        raise Failed(f"exit code {child.returncode}: {' '.join(words)}\n{told}")
    if has_mock and not mock_cpu:
        raise Failed("the mock below tribunal was not found, so its time cannot be taken off")
    used = {
        "cpu_s": round(used.ru_utime + used.ru_stime - mock_cpu, 3),
        "mock_cpu_s": mock_cpu or None,
        "peak_kib": used.ru_maxrss,
        "wall_s": round(wall, 3),
    }
    return said + err.read_text(errors="replace"), used
