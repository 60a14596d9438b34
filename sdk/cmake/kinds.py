"""Writes which resource a message is, from the descriptor set of .proto files.

kinds.py SET NAME FOLDER HEADER...   the headers with which a plugin brings API kinds: FOLDER/NAME.kinds.h and .hpp;
                                     HEADER: what protoc made of the files
kinds.py --append SET FOLDER         adds to what protoc made of each file in the set, below FOLDER, the resources that it has,
                                     and a short name of its package: corev1 for k8s.io.api.core.v1

The set is read by hand (field numbers of descriptor.proto and gantry/schema.proto), so that no protobuf package for Python is
needed.
"""
import os
import sys

OPTIONS = 51200  # of gantry/schema.proto


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The (number, value) pairs of a message; values are numbers or bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if kind == 1 else 4
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def first(data, number, default=b""):
    return next((value for found, value in fields(data) if found == number), default)


def files(data):
    return (value for number, value in fields(data) if number == 1)


def resources_of(file):
    """(C++ type, group, version, plural) of every kind in a file of the set."""
    package = first(file, 2).decode()
    for message in (value for number, value in fields(file) if number == 4):
        resource = first(first(first(message, 7), OPTIONS), 2)
        if resource:
            name = "::" + "::".join(package.split(".") + [first(message, 1).decode()])
            yield (name, *(first(resource, number).decode() for number in (1, 2, 3)))


def write(path, text):
    """Leaves a file alone that is as it would be written, so that nothing is compiled anew for it."""
    if os.path.exists(path) and open(path, encoding="utf-8").read() == text:
        os.utime(path)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def append(file, folder):
    """To the header of one file of the set."""
    path, package = first(file, 1).decode(), first(file, 2).decode()
    *_, group, version = package.split(".")
    text = ""
    kinds = list(resources_of(file))
    if kinds:
        text += '\n#include "gantry/resource.hpp"\n\nnamespace gantry {\n'
        text += "".join(f'GANTRY_RESOURCE({kind}, "{group}", "{version}", "{plural}");\n' for kind, group, version, plural in kinds)
        text += "}  // namespace gantry\n"
    if package.startswith("k8s.io.") and version[0] == "v" and version[1:2].isdigit():
        text += f"\nnamespace gantry {{\nnamespace {group}{version} = ::{'::'.join(package.split('.'))};\n}}\n"
    # What protoc writes is guarded, and so is this.
    guard = "GANTRY_RESOURCES_" + "".join(c if c.isalnum() else "_" for c in path)
    with open(os.path.join(folder, path.removesuffix(".proto") + ".pb.h"), "a", encoding="utf-8") as header:
        header.write(f"\n#ifndef {guard}\n#define {guard}\n{text}\n#endif\n")


def main():
    if sys.argv[1] == "--append":
        for file in files(open(sys.argv[2], "rb").read()):
            append(file, sys.argv[3])
        return
    path, name, folder, *headers = sys.argv[1:]
    data = open(path, "rb").read()
    kinds = [kind for file in files(data) for kind in resources_of(file)]
    if not kinds:
        sys.exit(f"{name}: no message of its .proto files has the option (gantry.schema.message).resource")
    word = name.replace("-", "_")
    rows = [", ".join(str(byte) for byte in data[i:i + 32]) for i in range(0, len(data), 32)]
    bytes_name = f"gantry_kinds_of_{word}"
    write(os.path.join(folder, name + ".kinds.h"),
          "/* Made by gantry_add_plugin(): the descriptor set of the plugin's kinds. */\n"
          f"#ifndef GANTRY_KINDS_OF_{word.upper()}_H\n#define GANTRY_KINDS_OF_{word.upper()}_H\n\n"
          f"static const unsigned char {bytes_name}[{len(data)}] = {{\n    " + ",\n    ".join(rows) + "};\n\n#endif\n")
    text = "// Made by gantry_add_plugin(): the plugin's kinds, their messages, and which resource each is.\n#pragma once\n\n"
    text += f'#include "{name}.kinds.h"\n#include "gantry/kinds.hpp"\n#include "gantry/resource.hpp"\n'
    text += "".join(f'#include "{header}"\n' for header in headers) + "\nnamespace gantry {\n\n"
    text += "".join(f'GANTRY_RESOURCE({kind}, "{group}", "{version}", "{plural}");\n' for kind, group, version, plural in kinds)
    text += f"\nnamespace kinds {{\n\nstruct {word} {{\n"
    text += f"  static gantry_slice descriptor_set() {{ return {{{bytes_name}, sizeof {bytes_name}}}; }}\n}};\n\n"
    text += "}  // namespace kinds\n}  // namespace gantry\n"
    write(os.path.join(folder, name + ".kinds.hpp"), text)


main()
