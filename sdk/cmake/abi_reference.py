"""Writes docs/reference/abi.md from the headers of the ABI, and from the messages that cross it (sdk/proto/gantry/abi.proto).

abi_reference.py HEADERS OUTPUT           writes it
abi_reference.py --check HEADERS OUTPUT   fails when it is not what would be written

Fails, too, when a header breaks a rule (abi_headers.py): that each function states its thread contract, above all.
"""
import difflib
import os
import re
import sys

sys.dont_write_bytecode = True  # nothing is to appear in the source tree
from abi_headers import NOTE, POINTER, SKIP, Refused, headers_of, interfaces_of, members, one_line, relative, split, table_sizes  # noqa: E402

WORDS = """
Before the words of a function stand the threads it is called on and its shape. A verb is a call that ends with its answer: it
works the same for a plugin in the daemon and for one in a process of its own. A long verb takes its time by nature: no reload
waits for it, and a process may work on it for two hours instead of 30 s. Streams (descriptors, visits) and custom functions
(callbacks) cross to a process by code written for each. A plugin may leave an optional function NULL. Sizes are those on a
64-bit machine.
"""

# The words first, then how the two sides meet; the rest by name.
FIRST = ["base.h", "plugin.h"]


def render_member(declaration, comment, name, typedefs, known):
    pointer = POINTER.search(declaration)
    alias = re.match(r"(gantry_\w+) (\w+);$", one_line(declaration))
    if pointer:
        member = pointer.group(1)
    elif alias and alias.group(1) in typedefs:
        member = alias.group(2)
    else:
        return None
    words = one_line(re.sub(r"\s*" + NOTE.pattern + r"(?=[.,;])", "", comment))
    words = one_line(NOTE.sub("", words)) or "As said above."
    out = f"#### {name}.{member}\n\n"
    if entry := known.get(member):
        facts = [f"`[{entry.threads}]`", entry.shape] + ([] if entry.required else ["optional"])
        facts += ["in the daemon's process alone"] if "in-process" in entry.notes else []
        out += ", ".join(facts) + (f", since {entry.since}" if entry.since != "1.0" else "") + ". "
    elif contract := NOTE.search(comment):
        out += f"`[{contract.group(1)}]` "
    out += f"{words}\n\n"
    out += "```c\n" + re.sub(r"\n\s+", "\n    ", declaration) + "\n```\n\n"
    return out


def render_struct(code, comment, typedefs, interfaces):
    match = re.match(r"(?:typedef )?struct (\w+) \{(.*)\}", code, re.S)
    name, body = match.group(1), match.group(2)
    interface = next((interface for interface in interfaces if interface.table == name), None)
    known = {member.name: member for member in interface.members} if interface else {}
    functions = []
    plain = []
    for declaration, words in members(body):
        rendered = render_member(declaration, words, name, typedefs, known)
        if rendered:
            functions.append(rendered)
        else:
            plain.append((one_line(declaration).rstrip(";"), one_line(words)))
    out = f"### {name}\n\n"
    if comment:
        out += comment + "\n\n"
    if interface:
        sizes = [f"{size} bytes since {since}" for since, size in table_sizes(interface)]
        out += "Size: " + ", ".join(sizes).replace(" since 1.0", "", 1) + ".\n\n"
    if [field for field, _ in plain] != ["size_t size"]:
        out += "| field | |\n|---|---|\n"
        for field, words in plain:
            out += f"| `{field}` | {words} |\n"
        out += "\n"
    return out + "".join(functions)


def render_header(path, interfaces):
    text = open(path, encoding="utf-8").read()
    parts = [part for part in split(text) if not (part[0] == "code" and SKIP.match(part[1]))]
    intro = parts.pop(0)[1] if parts and parts[0][0] == "comment" else ""
    identity = re.search(r'#define GANTRY_\w+_ID "([^"]+)"', text)
    title = identity.group(1) if identity else os.path.basename(path)
    typedefs = set(re.findall(r"typedef [^;{]*\(\*(gantry_\w+)\)", text))
    intro = re.sub(r"^" + re.escape(title) + r":\s*", "", intro).replace(" [in-process]", "")
    intro = intro.replace(" [side-by-side]", " Two instances may work side by side for a moment, while one takes the other's place.")
    head = f"## {title}\n\n" + f"`#include \"gantry/abi/{relative(path)}\"`\n\n"
    out = head + intro[:1].upper() + intro[1:] + "\n\n"
    comment = ""
    for kind, content in parts:
        if kind == "comment":
            comment = content
            continue
        if re.match(r"(typedef )?struct \w+ \{", content):
            out += render_struct(content, comment, typedefs, interfaces)
        elif identity and content.startswith("#define") and identity.group(1) in content:
            pass
        elif re.match(r"typedef struct \w+ \w+;", content):
            continue  # announces the struct that follows: its comment is that one's
        else:
            named = re.search(r"\(\*(\w+)\)", content) or re.search(r"(\w+);$", content)
            if named and content.startswith("typedef"):
                out += f"### {named.group(1)}\n\n"
            if comment:
                out += one_line(comment) + "\n\n"
            out += "```c\n" + content + "\n```\n\n"
        comment = ""
    return out


FIELD = re.compile(r"(optional|repeated|map<[^>]+>)?\s*([\w.]+)?\s+(\w+) = (\d+)( \[.*?\])?;(?:\s*//\s*(.*))?$")
VALUE = re.compile(r"(\w+) = (\d+);(?:\s*//\s*(.*))?$")


def render_message(name, comment, rows, values):
    out = f"### {name}\n\n"
    if comment:
        out += comment + "\n\n"
    if rows:
        out += "| field | number | type | |\n|---|---|---|---|\n"
        out += "".join(f"| `{field}` | {number} | {kind} | {words} |\n" for field, number, kind, words in rows) + "\n"
    for enum, members in values:
        out += f"`{enum}`: " + ", ".join(f"`{member}` = {number}" + (f" ({words})" if words else "") for member, number, words in members)
        out += "\n\n"
    return out


def render_messages(path):
    """Every message of a .proto file: its fields with the comments before or behind them."""
    out = ""
    name, enum, pending = None, None, []
    for raw in open(path, encoding="utf-8"):
        line = raw.strip()
        if line.startswith("//"):
            pending.append(line[2:].strip())
            continue
        if match := re.match(r"message (\w+) \{(\})?", line):
            name, comment, rows, values = match.group(1), " ".join(pending), [], []
            if match.group(2):
                out, name = out + render_message(name, comment, rows, values), None
        elif match := re.match(r"enum (\w+) \{", line):
            enum = []
            values.append((match.group(1), enum))
        elif line == "}":
            if enum is not None:
                enum = None
            elif name:
                out, name = out + render_message(name, comment, rows, values), None
        elif name and enum is not None and (match := VALUE.match(line)):
            enum.append((match.group(1), match.group(2), match.group(3) or " ".join(pending)))
        elif name and (match := FIELD.match(line)):
            label, kind, field, number, _, behind = match.groups()
            kind = " ".join(part for part in (label if label != "optional" else "", kind) if part)
            rows.append((field, number, f"`{kind}`", " ".join(pending + ([behind] if behind else []))))
        elif name and line:
            sys.exit(f"{path}: not understood: {line}")
        pending = []
    return out


def reference(folder):
    out = "# The ABI\n\n"
    out += "Every declaration of `sdk/include/gantry/abi`, with its contract. Made from the headers by "
    out += "`python3 sdk/cmake/abi_reference.py sdk/include/gantry/abi docs/reference/abi.md`; a test sees that the two agree.\n\n"
    out += "| interface | header | who implements it |\n|---|---|---|\n"
    body = ""
    for path in headers_of(folder, FIRST):
        interfaces = interfaces_of(path, "gantry/abi/" + relative(path))
        for interface in interfaces:
            anchor = re.sub(r"[^a-z0-9_-]", "", interface.identity.lower())
            out += f"| [`{interface.identity}`](#{anchor}) | `{interface.header}` | the {interface.side} |\n"
        body += render_header(path, interfaces)
    out += WORDS
    body += "## Messages\n\nThe package `gantry.abi` of `gantry/abi.proto`, `gantry/overlay.proto` and `gantry/watches.proto`: what crosses the ABI beside the Kubernetes objects themselves. Fields are only added.\n\n"
    for name in ("abi.proto", "overlay.proto", "watches.proto"):
        body += render_messages(os.path.join(folder, "../../../proto/gantry", name))
    return out + "\n" + body.rstrip("\n") + "\n"


def main():
    check = sys.argv[1] == "--check"
    folder, output = sys.argv[2:] if check else sys.argv[1:]
    try:
        wanted = reference(folder)
    except Refused as problem:
        sys.exit(str(problem))
    if not check:
        with open(output, "w", encoding="utf-8") as file:
            file.write(wanted)
        return
    found = open(output, encoding="utf-8").read() if os.path.exists(output) else ""
    if found != wanted:
        sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), output, "from the headers"))
        sys.exit(f"\n{output} is not up to date; write it anew: python3 {sys.argv[0]} {folder} {output}")


main()
