"""What the headers of the ABI say, read from their text: comments and declarations, and of each interface the table of its members.

Used by abi_reference.py, which writes the page, and by abi_table.py, which writes what the daemon is built from.

What a signature does not say stands in the member's comment as notes:
    [any-thread] [worker] [main]   the threads it is called on; each member has one, alone or with its table's comment
    [optional]      a plugin may leave it NULL; every other member it must have
    [long]          takes its time by nature: it has the long deadline, and a reload does not wait for it
    [stream]        takes or gives more than one answer: descriptors, visits; what crosses a process is written by hand
    [custom]        anything else that no rule covers, callbacks above all; written by hand, too
    [in-process]    of a member or a whole table: not there for a plugin in a process of its own
    [side-by-side]  of a header: two instances may work side by side for a moment, so that nothing waits for a call under way when
                    one takes the other's place; else the old one must have come to rest
    [since 1.1]     of the release that added it to a table that was frozen before
"""
import os
import re

SKIP = re.compile(r'#(ifndef|ifdef|endif|include|define GANTRY_ABI_\w+_H)|extern "C" \{|\}$')
CONTRACT = re.compile(r"\[(any-thread|worker|main)\]")
NOTE = re.compile(r"\[(any-thread|worker|main|optional|long|stream|custom|in-process|side-by-side|since (?:\d+\.\d+))\]")
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


# Types whose values cross to another process: what is given, what comes back.
GIVEN = re.compile(r"gantry_slice|u?int(8|16|32|64)_t|double|const gantry_resource\*|const gantry_predecessor\*")
BACK = re.compile(r"gantry_buffer\*|u?int(8|16|32|64)_t\*")
RESULT = re.compile(r"gantry_code|gantry_slice|u?int(8|16|32|64)_t|void")
MAX_MEMBERS = 64  # which members a table has crosses as a mask


class Refused(Exception):
    """A header that breaks a rule; says which and how to mend it."""


class Member:
    def __init__(self, name, result, parameters, comment, contract):
        self.name, self.result, self.parameters = name, result, parameters
        self.notes = set(NOTE.findall(comment))
        threads = CONTRACT.search(comment)
        self.threads = threads.group(1) if threads else contract
        self.since = next((note[6:] for note in self.notes if note.startswith("since ")), "1.0")

    @property
    def required(self):
        return "optional" not in self.notes

    @property
    def has_error(self):
        return bool(self.parameters) and self.parameters[-1] == ("gantry_buffer*", "error")

    def by_hand(self):
        """Why no rule says how a call of it crosses; empty: one does."""
        for kind, name in self.parameters[1:]:
            if not (GIVEN.fullmatch(kind) or BACK.fullmatch(kind)):
                return f"its parameter {name} is a {kind}"
        if not RESULT.fullmatch(self.result):
            return f"it returns a {self.result}"
        back = [kind for kind, _ in self.parameters if BACK.fullmatch(kind)]
        if len(back) - self.has_error > 1:
            return "it gives back more than one value"
        return ""

    @property
    def shape(self):
        for note in ("stream", "custom"):
            if note in self.notes:
                return note
        return "long verb" if "long" in self.notes else "verb"


class Interface:
    def __init__(self, identity, constant, table, header, side, members, notes):
        self.identity, self.constant, self.table, self.header = identity, constant, table, header
        self.side, self.members = side, members
        self.in_process, self.side_by_side = "in-process" in notes, "side-by-side" in notes

    def first_release(self):
        """How many members the table had when it was first released."""
        first = min(version(member.since) for member in self.members)
        return sum(version(member.since) == first for member in self.members)


def table_sizes(interface):
    """(release, size of the table in it), the first release first; of a 64-bit machine."""
    sizes = {}
    for count, member in enumerate(interface.members, 1):
        sizes[member.since] = 8 + 8 * count
    return list(sizes.items())


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def version(text):
    return tuple(int(part) for part in text.split("."))


def relative(path):
    return path.split("gantry/abi/")[-1]


def headers_of(folder, first=()):
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, name) for name in names if name.endswith(".h")]
    return sorted(found, key=lambda path: (first.index(os.path.basename(path)) if os.path.basename(path) in first else len(first), path))


def parameters_of(text):
    """(type, name) of each parameter; a function pointer's type is "function"."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append(one_line(text[start:at]))
            start = at + 1
    split_up = []
    for parameter in found:
        pointer = re.search(r"\(\*(\w+)\)\(", parameter)
        if pointer:
            split_up.append(("function", pointer.group(1)))
        else:
            kind, name = parameter.rsplit(" ", 1)
            split_up.append((kind, name))
    return split_up


def typedefs_of(text):
    """Types of functions that a header names: name -> (result, parameters)."""
    return {name: (one_line(result), parameters) for result, name, parameters in
            re.findall(r"typedef ([^;{(]*?)\(\*(gantry_\w+)\)\(([^;]*)\);", text)}


def table_members(body, comment, typedefs):
    contract = CONTRACT.search(comment)
    contract = contract.group(1) if contract else None
    found = []
    for declaration, words in members(body)[1:]:
        pointer = re.match(r"(.*?)\(\*(\w+)\)\s*\((.*)\);$", one_line(declaration))
        alias = re.match(r"(gantry_\w+) (\w+);$", one_line(declaration))
        if pointer:
            result, name, parameters = pointer.groups()
        elif alias and alias.group(1) in typedefs:
            name = alias.group(2)
            result, parameters = typedefs[alias.group(1)]
        else:
            return None  # not a table of functions alone
        found.append(Member(name, one_line(result), parameters_of(parameters), words, contract))
    return found


def interfaces_of(path, header):
    """The interfaces of one header, checked."""
    text = read(path)
    constants = dict((identity, constant) for constant, identity in re.findall(r'#define (GANTRY_\w+_ID) "([^"]+)"', text))
    found = []
    for identity, constant in constants.items():
        table = "gantry_" + identity.split(".", 1)[1].split("/")[0].replace("-", "_").replace(".", "_")
        parts, comment = split(text), ""
        for kind, content in parts:
            match = re.match(r"(?:typedef )?struct " + table + r" \{\s*size_t size;(.*)\}", content, re.S) if kind == "code" else None
            if match:
                listed = table_members("size_t size;" + match.group(1), comment, typedefs_of(text))
                found.append(checked(Interface(identity, constant, table, header, side_of(listed), listed,
                                               NOTE.findall(comment + parts[0][1])), path))
                break
            comment = content if kind == "comment" else ""
        else:
            raise Refused(f"{path}: {constant} is the id of no struct {table} that begins with its size")
    return found


def side_of(listed):
    return "host" if listed and listed[0].parameters and listed[0].parameters[0] == ("const gantry_host*", "host") else "plugin"


def checked(interface, path):
    def refuse(member, what):
        raise Refused(f"{path}: {interface.table}{'.' + member.name if member else ''} {what}")

    if not interface.members:
        refuse(None, "has something else than functions behind its size")
    if len(interface.members) > MAX_MEMBERS:
        refuse(None, f"has more than {MAX_MEMBERS} functions")
    first = ("const gantry_host*", "host") if interface.side == "host" else ("void*", "instance")
    last_since = (0, 0)
    for member in interface.members:
        if member.parameters[:1] != [first]:
            refuse(member, f"does not take {first[0]} {first[1]} first")
        if member.threads is None:
            refuse(member, "states no thread contract: add [any-thread], [worker] or [main] to its comment")
        if version(member.since) < last_since:
            refuse(member, "was added before what stands in front of it: tables grow at their end")
        last_since = version(member.since)
        why = member.by_hand()
        if why and member.shape not in ("stream", "custom") and "in-process" not in member.notes and not interface.in_process:
            refuse(member, f"can't cross to a process by a rule, {why}: add [stream], [custom] or [in-process] to its comment")
    return interface


def all_interfaces(folders):
    """(folder, prefix of its headers in an #include) -> the interfaces, in the order of the headers' names."""
    found = []
    for folder, prefix in folders:
        for path in headers_of(folder):
            found += interfaces_of(path, prefix + "/" + os.path.relpath(path, folder))
    return found
