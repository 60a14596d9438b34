#!/usr/bin/env python3
"""Whether today's plugin ABI still serves plugins that were built against a released one.

    abi_compat.py FROZEN HEADERS PROTOS

FROZEN is a folder of tests/abi/frozen, HEADERS and PROTOS are sdk/include and sdk/proto. Prints every difference that
breaks a released plugin, one a line or block, and exits with 1; additions at the end of tables, new tables, messages, fields
and values are none.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


# ---- headers: the debug information of both, compared by abidiff

def header_text(include):
    folder = pathlib.Path(include, "gantry/abi")
    return {f"gantry/abi/{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.h"))}


def type_names(headers):
    text = "".join(headers.values())
    return sorted(set(re.findall(r"\n} (gantry_\w+);", text) + re.findall(r"struct (gantry_\w+) \{", text) +
                      re.findall(r"typedef [^;{]*\(\*(gantry_\w+)\)\(", text)))


def tables(headers):
    """Structs that begin with their size: a reader knows how much of one there is, so they may grow."""
    return set(re.findall(r"struct (gantry_\w+) \{\s*size_t size;", "".join(headers.values())))


def constants(headers):
    """Macros and enumerators are in no debug information, the macros at least; here they are text."""
    text = "".join(headers.values())
    return dict(re.findall(r"^#define (GANTRY_\w+) (.+)$", text, re.M) + re.findall(r"(GANTRY_\w+) = (\w+)", text))


def compile_types(include, headers, names, work, which):
    source = os.path.join(work, "types.c")
    with open(source, "w", encoding="utf-8") as out:
        out.writelines(f'#include "{header}"\n' for header in headers)
        # One function a type makes every type reachable from an exported symbol, which is where abidiff looks.
        out.writelines(f"void takes_{name}({name}* it) {{ (void)it; }}\n" for name in names)
    library = os.path.join(work, f"{which}.so")
    run("cc", "-std=c11", "-g", "-gdwarf-4", "-shared", "-fPIC", "-I", include, "-o", library, source)
    return library


# How abidiff describes a struct that only grew. A block with any other line is a break: what this does not know, it refuses.
GROWN = re.compile(r"  type size changed from (\d+) to \d+ \(in bits\)")
INSERTED = re.compile(r"    '.*', at offset (\d+) \(in bits\)")
INSERTIONS = re.compile(r"  \d+ data member insertions?:")


def only_grew(lines):
    old_size = None
    for line in lines:
        if match := GROWN.fullmatch(line):
            old_size = int(match[1])
        elif match := INSERTED.fullmatch(line):
            if old_size is None or int(match[1]) < old_size:
                return False
        elif not INSERTIONS.fullmatch(line):
            return False
    return True


def judge_report(report, may_grow):
    """The blocks of a report of `abidiff --leaf-changes-only` that are more than a table's growth at its end."""
    breaks = []
    for block in re.split(r"\n\n+", report.strip()):
        lines = [line for line in block.splitlines() if line.strip() and not re.match(r"[\w/ ]+ summary: ", line)]
        if lines and re.fullmatch(r"\d+ functions? with some (indirect )?sub-type changes?:", lines[0]):
            del lines[0]  # a heading; what changed follows
        if not lines:
            continue
        struct = re.fullmatch(r"'struct (\w+)' changed:", lines[0])
        if struct and struct[1] in may_grow and only_grew(lines[1:]):
            continue
        breaks.append("\n".join(lines))
    return breaks


def check_headers(frozen, current):
    old, new = header_text(frozen), header_text(current)
    breaks = [f"header {name} is gone" for name in old if name not in new]
    now = constants(new)
    for name, value in constants(old).items():
        if name not in now:
            breaks.append(f"constant {name} is gone")
        elif name == "GANTRY_ABI_MINOR" and int(now[name].rstrip("u")) >= int(value.rstrip("u")):
            continue
        elif now[name] != value:
            breaks.append(f"constant {name} changed from {value} to {now[name]}")
    names = type_names(old)
    known = set(type_names(new))
    gone = [name for name in names if name not in known]
    breaks += [f"type {name} is gone" for name in gone]
    names = [name for name in names if name in known]
    with tempfile.TemporaryDirectory(prefix="gantry-abi-") as work:
        libraries = [compile_types(frozen, old, names, work, "frozen"), compile_types(current, new, names, work, "current")]
        # Without suppressions: the one that abidiff has for growth at the end also hides renamed and retyped members.
        report = subprocess.run(["abidiff", "--no-default-suppression", "--harmless", "--no-show-locs", "--leaf-changes-only",
                                 *libraries], capture_output=True, text=True)
    if report.returncode & 3:  # abidiff's own failure, or wrong use of it
        raise RuntimeError(f"abidiff: {report.stderr or report.stdout}")
    return breaks + judge_report(report.stdout, tables(old) & tables(new))


# ---- messages: the descriptors of both, as protoc prints them

def parse_text(lines):
    """Protobuf's text format as protoc prints it, one item a line: name -> list of values or of nested such."""
    message = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            message.setdefault(line[:-2], []).append(parse_text(lines))
        else:
            name, _, value = line.partition(": ")
            message.setdefault(name, []).append(value)
    return message


def first(message, name, otherwise=""):
    return message.get(name, [otherwise])[0]


def descriptors(folder, files):
    with tempfile.TemporaryDirectory(prefix="gantry-abi-") as work:
        binary = os.path.join(work, "set")
        run("protoc", f"-I{folder}", f"--descriptor_set_out={binary}", "--include_imports", *files)
        with open(binary, "rb") as given:
            text = subprocess.run(
                ["protoc", "-I/usr/include", "--decode=google.protobuf.FileDescriptorSet", "google/protobuf/descriptor.proto"],
                stdin=given, capture_output=True, text=True, check=True).stdout
    messages, enums = {}, {}

    def take(scope, message, syntax):
        for enum in message.get("enum_type", []):
            enums[f"{scope}.{first(enum, 'name')[1:-1]}"] = {
                first(value, "name"): first(value, "number") for value in enum["value"]}
        for nested in message.get("message_type", []) + message.get("nested_type", []):
            name = f"{scope}.{first(nested, 'name')[1:-1]}"
            messages[name] = fields_of(nested, syntax)
            take(name, nested, syntax)

    for file in parse_text(iter(text.splitlines())).get("file", []):
        take(first(file, "package")[1:-1], file, first(file, "syntax", '"proto2"'))
    return messages, enums


def fields_of(message, syntax):
    oneofs = [first(oneof, "name") for oneof in message.get("oneof_decl", [])]
    fields = {}
    for field in message.get("field", []):
        fields[first(field, "number")] = {
            "name": first(field, "name"), "type": first(field, "type"), "label": first(field, "label"),
            "type name": first(field, "type_name"), "default": first(field, "default_value"),
            "oneof": oneofs[int(first(field, "oneof_index"))] if "oneof_index" in field else "",
            # What an absent packed means depends on the syntax, and so does what absence of the field means.
            "packing": first(first(field, "options", {}), "packed"), "syntax": syntax}
    return fields


# What changed and is the same in every message that a released plugin sends or reads: a string and bytes are the same on the
# wire, and a value that is no text could not cross before.
SAME_ON_THE_WIRE = {("gantry.runtime.v1.KeyValue", "2", "TYPE_STRING", "TYPE_BYTES")}


def check_messages(frozen, current):
    files = sorted(os.path.relpath(os.path.join(folder, name), frozen)
                   for folder, _, names in os.walk(frozen) for name in names if name.endswith(".proto"))
    breaks = [f"file {name} is gone" for name in files if not os.path.exists(os.path.join(current, name))]
    old_messages, old_enums = descriptors(frozen, files)
    new_messages, new_enums = descriptors(current, [name for name in files if os.path.exists(os.path.join(current, name))])
    for message, fields in old_messages.items():
        if message not in new_messages:
            breaks.append(f"message {message} is gone")
            continue
        now = new_messages[message]
        for number, field in fields.items():
            if number not in now:
                breaks.append(f"{message}: field {number} ({field['name']}) is gone")
                continue
            breaks += [f"{message}: the {what} of field {number} ({field['name']}) changed from {value or 'none'} to "
                       f"{now[number][what] or 'none'}" for what, value in field.items()
                       if now[number][what] != value
                       and (message, number, value, now[number][what]) not in SAME_ON_THE_WIRE]
        breaks += [f"{message}: new field {number} ({field['name']}) is required, which no released plugin sets"
                   for number, field in now.items() if number not in fields and field["label"] == "LABEL_REQUIRED"]
    for enum, values in old_enums.items():
        if enum not in new_enums:
            breaks.append(f"enum {enum} is gone")
            continue
        for name, number in values.items():
            now = new_enums[enum].get(name)
            if now is None:
                breaks.append(f"{enum}: value {name} is gone")
            elif now != number:
                breaks.append(f"{enum}: value {name} changed from {number} to {now}")
    return breaks


def have_abidiff():
    return shutil.which("abidiff") is not None


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    frozen, headers, protos = sys.argv[1:]
    breaks = check_messages(os.path.join(frozen, "proto"), protos)
    if have_abidiff():
        breaks += check_headers(os.path.join(frozen, "include"), headers)
    else:
        print("abidiff (package abigail-tools) is not installed: the headers were not compared", file=sys.stderr)
    for line in breaks:
        print(line)
    sys.exit(1 if breaks else 0)


if __name__ == "__main__":
    main()
