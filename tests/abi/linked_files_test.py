#!/usr/bin/env python3
"""linked_files_test.py BUILD: every program and plugin of the build can be loaded wherever its sections came to lie.

The loader takes write access from the region GNU_RELRO, from the start of its first page. mold 1.10 lets the region
begin at variables of threads (.tbss) that are aligned to less than the section behind them. Where a page begins between
the two, the loader's call names a page that is not there and the program does not start: a matter of a file's size,
for one build in some hundreds. Aligned to more, the region begins some bytes within what is loaded, which is harmless.
"""
import os
import struct
import sys

LOAD, RELRO = 1, 0x6474E552


def headers(path):
    """(type, address, size in memory) of each program header of an ELF file; none for anything else."""
    with open(path, "rb") as file:
        start = file.read(64)
        if start[:5] != b"\x7fELF\x02":
            return []
        offset, size, count = *struct.unpack_from("<Q", start, 32), *struct.unpack_from("<HH", start, 54)
        file.seek(offset)
        rows = [struct.unpack("<IIQQQQQQ", file.read(size)[:56]) for _ in range(count)]
    return [(row[0], row[3], row[6]) for row in rows]


def fault(rows):
    """What is wrong with a file of these headers; nothing when all is well."""
    loaded = [(address, address + size) for kind, address, size in rows if kind == LOAD]
    for kind, address, _ in rows:
        if kind == RELRO and not any(begin <= address < end for begin, end in loaded):
            return "GNU_RELRO begins at %#x, before what is loaded: align its thread_local variables to 8 bytes" % address
    return None


def main(build):
    # What the loader must accept, and what it has refused.
    assert fault([(LOAD, 0x1000, 0x100), (RELRO, 0x1000, 0x10)]) is None
    assert fault([(LOAD, 0x552000, 0x100), (RELRO, 0x551FFC, 0x14)])
    assert fault([(LOAD, 0x551D08, 0x100), (RELRO, 0x551D10, 0xF8)]) is None
    faults, seen = [], 0
    for folder in ("bin", "tests", "lib/gantry/plugins", "test_plugins"):
        for parent, _, names in os.walk(os.path.join(build, folder)):
            for name in sorted(names):
                path = os.path.join(parent, name)
                if not os.path.isfile(path) or name.endswith(".debug"):
                    continue
                rows = headers(path)
                seen += bool(rows)
                wrong = fault(rows)
                if wrong:
                    faults.append("%s: %s" % (path, wrong))
    print("\n".join(faults) or "%d files" % seen)
    return bool(faults) or seen == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
