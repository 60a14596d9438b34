"""Writes docs/reference/abi.md from the headers of the ABI, and from the messages that cross it (sdk/proto/gantry/abi.proto).

abi_reference.py HEADERS OUTPUT           writes it
abi_reference.py --check HEADERS OUTPUT   fails when it is not what would be written

Fails, too, when a function of a table states no thread contract: the rule is that each does, alone or with its table's comment.
"""
import difflib
import os
import re
import sys

# The words first, then how the two sides meet; the rest by name.
FIRST = ["base.h", "plugin.h"]
SKIP = re.compile(r'#(ifndef|ifdef|endif|include|define GANTRY_ABI_\w+_H)|extern "C" \{|\}$')
CONTRACT = re.compile(r"\[(any-thread|worker|main)\]")
POINTER = re.compile(r"\(\*(\w+)\)\s*\((.*)\);$", re.S)


def comment_text(raw):
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in raw.strip()[2:-2].strip().split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip()


def one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def split(text):
    """The comments and declarations of a header's text, in order: ("comment", text) or ("code", text)."""
    parts, i = [], 0
    while i < len(text):
        if text[i].isspace():
            i += 1
        elif text.startswith("/*", i):
            end = text.index("*/", i) + 2
            parts.append(("comment", comment_text(text[i:end])))
            i = end
        elif text[i] == "#":
            end = text.index("\n", i)
            parts.append(("code", text[i:end].strip()))
            i = end
        else:
            end = declaration_end(text, i)
            parts.append(("code", text[i:end].strip()))
            i = end
    return parts


def declaration_end(text, i):
    """Just past the ';' that ends a declaration, or the brace of extern "C"."""
    depth = 0
    while i < len(text):
        if text.startswith("/*", i):
            i = text.index("*/", i) + 2
            continue
        if text[i] == "{":
            line = text[text.rfind("\n", 0, i) + 1:i + 1]
            if line.strip() == 'extern "C" {':
                return i + 1
            depth += 1
        elif text[i] == "}":
            if depth == 0:
                return i + 1
            depth -= 1
        elif text[i] == ";" and depth == 0:
            return i + 1
        i += 1
    return i


def members(body):
    """(declaration, comment) of a struct's members; a comment stands before its member or behind it on the same line."""
    found, pending = [], ""
    i = 0
    while i < len(body):
        if body[i].isspace():
            i += 1
        elif body.startswith("/*", i):
            end = body.index("*/", i) + 2
            before = body[body.rfind("\n", 0, i) + 1:i]
            if before.strip() and found:
                found[-1][1] = comment_text(body[i:end])
            else:
                pending = comment_text(body[i:end])
            i = end
        else:
            end = body.index(";", i) + 1
            found.append([body[i:end], pending])
            pending = ""
            i = end
    return found


def render_member(declaration, comment, name, table_comment, typedefs, problems):
    pointer = POINTER.search(declaration)
    alias = re.match(r"(gantry_\w+) (\w+);$", one_line(declaration))
    if pointer:
        member = pointer.group(1)
    elif alias and alias.group(1) in typedefs:
        member = alias.group(2)
    else:
        return None
    contract = CONTRACT.search(comment) or CONTRACT.search(table_comment)
    if contract is None and problems is not None:
        problems.append(f"{name}.{member} states no thread contract")
    threads = f"`[{contract.group(1)}]` " if contract else ""
    words = one_line(re.sub(r"\s*" + CONTRACT.pattern + r"(?=[.,;])", "", comment))
    words = one_line(CONTRACT.sub("", words)) or "As said above."
    out = f"#### {name}.{member}\n\n"
    out += f"{threads}{words}\n\n"
    out += "```c\n" + re.sub(r"\n\s+", "\n    ", declaration) + "\n```\n\n"
    return out


def render_struct(code, comment, typedefs, problems):
    match = re.match(r"(?:typedef )?struct (\w+) \{(.*)\}", code, re.S)
    name, body = match.group(1), match.group(2)
    listed = members(body)
    # What begins with its size is a table, which one side calls on threads of its own.
    if not listed or one_line(listed[0][0]) != "size_t size;":
        problems = None
    functions = []
    plain = []
    for declaration, words in listed:
        rendered = render_member(declaration, words, name, comment, typedefs, problems)
        if rendered:
            functions.append(rendered)
        else:
            plain.append((one_line(declaration).rstrip(";"), one_line(words)))
    out = f"### {name}\n\n"
    if comment:
        out += comment + "\n\n"
    if [field for field, _ in plain] != ["size_t size"]:
        out += "| field | |\n|---|---|\n"
        for field, words in plain:
            out += f"| `{field}` | {words} |\n"
        out += "\n"
    return out + "".join(functions)


def render_header(path, problems):
    text = open(path, encoding="utf-8").read()
    parts = [part for part in split(text) if not (part[0] == "code" and SKIP.match(part[1]))]
    intro = parts.pop(0)[1] if parts and parts[0][0] == "comment" else ""
    identity = re.search(r'#define GANTRY_\w+_ID "([^"]+)"', text)
    title = identity.group(1) if identity else os.path.basename(path)
    typedefs = set(re.findall(r"typedef [^;{]*\(\*(gantry_\w+)\)", text))
    intro = re.sub(r"^" + re.escape(title) + r":\s*", "", intro)
    head = f"## {title}\n\n" + f"`#include \"gantry/abi/{relative(path)}\"`\n\n"
    out = head + intro[:1].upper() + intro[1:] + "\n\n"
    comment = ""
    for kind, content in parts:
        if kind == "comment":
            comment = content
            continue
        if re.match(r"(typedef )?struct \w+ \{", content):
            out += render_struct(content, comment, typedefs, problems)
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
    out = "## Messages\n\nThe package `gantry.abi` of `gantry/abi.proto`: what crosses the ABI beside the Kubernetes objects themselves. Fields are only added.\n\n"
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


def relative(path):
    return path.split("gantry/abi/")[-1]


def reference(folder):
    problems = []
    headers = []
    for root, _, names in os.walk(folder):
        headers += [os.path.join(root, name) for name in names if name.endswith(".h")]
    headers.sort(key=lambda path: (FIRST.index(os.path.basename(path)) if os.path.basename(path) in FIRST else len(FIRST), path))
    out = "# The ABI\n\n"
    out += "Every declaration of `sdk/include/gantry/abi`, with its contract. Made from the headers by "
    out += "`python3 sdk/cmake/abi_reference.py sdk/include/gantry/abi docs/reference/abi.md`; a test sees that the two agree.\n\n"
    out += "| interface | header | who implements it |\n|---|---|---|\n"
    body = ""
    for path in headers:
        text = open(path, encoding="utf-8").read()
        for identity in re.findall(r'#define GANTRY_\w+_ID "([^"]+)"', text):
            anchor = re.sub(r"[^a-z0-9_-]", "", identity.lower())
            side = "the host" if "const gantry_host* host" in text else "the plugin"
            out += f"| [`{identity}`](#{anchor}) | `gantry/abi/{relative(path)}` | {side} |\n"
        body += render_header(path, problems)
    if problems:
        sys.exit("\n".join(f"{folder}: {problem}; add [any-thread], [worker] or [main] to its comment" for problem in problems))
    body += render_messages(os.path.join(folder, "../../../proto/gantry/abi.proto"))
    return out + "\n" + body.rstrip("\n") + "\n"


def main():
    check = sys.argv[1] == "--check"
    folder, output = sys.argv[2:] if check else sys.argv[1:]
    wanted = reference(folder)
    if not check:
        with open(output, "w", encoding="utf-8") as file:
            file.write(wanted)
        return
    found = open(output, encoding="utf-8").read() if os.path.exists(output) else ""
    if found != wanted:
        sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), output, "from the headers"))
        sys.exit(f"\n{output} is not up to date; write it anew: python3 {sys.argv[0]} {folder} {output}")


main()
