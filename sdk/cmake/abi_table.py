"""Writes the table of interfaces, from which the daemon checks, calls and isolates plugins, out of the ABI's headers.

abi_table.py FOLDER HEADERS=PREFIX...   FOLDER/gantry_interfaces.hpp includes the headers (folder HEADERS, as "PREFIX/..."),
                                        FOLDER/gantry_interfaces.inc lists the interfaces for macros that its reader defines
"""
import os
import sys

sys.dont_write_bytecode = True  # nothing is to appear in the source tree
from abi_headers import Refused, all_interfaces, read, version  # noqa: E402

MADE = "// Made by sdk/cmake/abi_table.py from the headers of the ABI.\n"
THREADS = {"any-thread": "kAny", "worker": "kWorker", "main": "kMain"}
SHAPES = {"verb": "kVerb", "long verb": "kLongVerb", "stream": "kStream", "custom": "kCustom"}
# Macros of the list: who reads it defines those it needs.
INTERFACES = ["PLUGIN_INTERFACE", "HOST_INTERFACE", "END_INTERFACE"]
MEMBERS = ["PLUGIN_VERB", "HOST_VERB", "PLUGIN_BY_HAND", "HOST_BY_HAND", "LOCAL"]
HEAD = f"""{MADE}//
// PLUGIN_INTERFACE(table, id, side_by_side) or HOST_INTERFACE, its members in their order, END_INTERFACE(table). A member is
//   MEMBER(table, name, shape, threads, crossing, required, since, has_error)
// or, where that is defined, one of PLUGIN_VERB, HOST_VERB (crosses to a process by the rules of its signature),
// PLUGIN_BY_HAND, HOST_BY_HAND (by code of its own), LOCAL (does not cross).
"""


def rows(interface):
    side = interface.side.upper()
    out = f"{side}_INTERFACE({interface.table}, {interface.constant}, {str(interface.side_by_side).lower()})\n"
    for member in interface.members:
        macro, crossing = f"{side}_BY_HAND", "kByHand"
        if interface.in_process or "in-process" in member.notes:
            macro, crossing = "LOCAL", "kNone"
        elif member.shape in ("verb", "long verb"):
            macro, crossing = f"{side}_VERB", "kByRule"
        major, minor = version(member.since)
        out += (f"{macro}({interface.table}, {member.name}, {SHAPES[member.shape]}, {THREADS[member.threads]}, {crossing}, "
                f"{str(member.required).lower()}, {1000 * major + minor}, {str(member.has_error).lower()})\n")
    return out + f"END_INTERFACE({interface.table})\n"


def listing(interfaces):
    out = HEAD
    for macro in [*INTERFACES, "MEMBER"]:
        out += f"#ifndef {macro}\n#define {macro}(...)\n#endif\n"
    for macro in MEMBERS:
        out += f"#ifndef {macro}\n#define {macro} MEMBER\n#endif\n"
    out += "\n" + "\n".join(rows(interface) for interface in interfaces) + "\n"
    return out + "".join(f"#undef {macro}\n" for macro in [*INTERFACES, *MEMBERS, "MEMBER"])


def write(path, text):
    """Leaves a file alone that is as it would be written, so that nothing is compiled anew for it."""
    if os.path.exists(path) and read(path) == text:
        os.utime(path)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    folder, *given = sys.argv[1:]
    try:
        interfaces = all_interfaces([pair.split("=") for pair in given])
    except Refused as problem:
        sys.exit(str(problem))
    seen = {}
    for interface in interfaces:
        if seen.setdefault(interface.identity, interface) is not interface:
            sys.exit(f"{interface.header} and {seen[interface.identity].header} have the same id {interface.identity}")
    os.makedirs(folder, exist_ok=True)
    includes = "".join(f'#include "{header}"\n' for header in sorted({interface.header for interface in interfaces}))
    write(os.path.join(folder, "gantry_interfaces.hpp"), MADE + "#pragma once\n\n" + includes)
    write(os.path.join(folder, "gantry_interfaces.inc"), listing(interfaces))


main()
