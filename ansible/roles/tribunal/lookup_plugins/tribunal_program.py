# Facts of a program file on the control host.
from __future__ import annotations

import hashlib
import os

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: tribunal_program
short_description: what CPU a program file is for, and its checksum
description: Reads the ELF header of a file on the control host.
options:
  _terms:
    description: paths
    required: true
"""

RETURN = """
_list:
  description: for each path its machine as uname names it, its sha256, and what is wrong with it (empty when nothing is)
  type: list
"""

# e_machine of the ELF header, in the words of uname -m.
MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def examine(path):
    facts = {"path": path, "machine": "", "sha256": "", "fault": ""}
    try:
        with open(path, "rb") as file:
            head = file.read(20)
            if len(head) < 20 or head[:4] != b"\x7fELF":
                facts["fault"] = f"{path} is no Linux program (it has no ELF header)"
                return facts
            order = "big" if head[5] == 2 else "little"
            number = int.from_bytes(head[18:20], order)
            facts["machine"] = MACHINES.get(number, f"ELF machine {number}")
            file.seek(0)
            facts["sha256"] = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        facts["fault"] = f"{path} cannot be read: {error.strerror}; build it (tribunal_build=true) or set tribunal_binary"
    return facts


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [examine(os.path.realpath(os.path.expanduser(term))) for term in terms]
