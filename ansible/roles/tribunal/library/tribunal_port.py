#!/usr/bin/python3
# Who listens on a TCP port.
from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: tribunal_port
short_description: tells who holds a TCP port
description:
  - Reads /proc, so that neither ss nor lsof has to be installed. Changes nothing.
options:
  port:
    description: the port
    type: int
    required: true
  unit:
    description: the systemd unit that may hold it
    type: str
    required: true
author: [Tribunal (@tribunal)]
"""

EXAMPLES = """
- name: See whether the coordinator's port is free
  tribunal_port:
    port: 7651
    unit: tribunal-coordinator.service
"""

RETURN = """
free:
  description: whether the unit can have the port, or has it
  type: bool
  returned: always
holder:
  description: who else holds it
  type: str
  returned: always
"""

LISTEN = "0A"


def sockets(port):
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        found |= {row[9] for row in rows if row[3] == LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port}
    return found


def holders(inodes):
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for descriptor in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(descriptor) in wanted:
                yield descriptor.split("/")[2]
        except OSError:
            continue


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def main():
    module = AnsibleModule(
        argument_spec={"port": {"type": "int", "required": True}, "unit": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    unit, inodes = module.params["unit"], sockets(module.params["port"])
    others = [
        pid
        for pid in sorted(set(holders(inodes)), key=int)
        if not re.search(rf"/{re.escape(unit)}(/|$)", text(f"/proc/{pid}/cgroup"), re.MULTILINE)
    ]
    holder = ""
    if others:
        holder = f"{text(f'/proc/{others[0]}/comm').strip() or 'a process'} (process {others[0]})"
    elif inodes and not list(holders(inodes)):
        holder = "a process that cannot be seen from here"
    module.exit_json(changed=False, free=not holder, holder=holder)


if __name__ == "__main__":
    main()
