"""Compares the compiled schema with a table of facts about upstream's fields.

Usage: schema_check.py PROTOC PROTO_ROOT DESCRIPTOR_SET FACTS

ctest runs it. It reads the descriptor set as protoc prints it, so that no protobuf package for Python is needed,
and checks what clients depend on: numbers, JSON names, types, presence and merge rules. It also sees to it that
everything has a comment (`kubectl explain` shows them) and that every file stays small.
"""
import os
import re
import subprocess
import sys

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]|[^\s{}\[\]:"]+')
SCALARS = {"TYPE_STRING": "string", "TYPE_BOOL": "bool", "TYPE_INT32": "int32", "TYPE_INT64": "int64",
           "TYPE_BYTES": "bytes", "TYPE_DOUBLE": "double"}


def parse(text):
    """Protobuf text format as {name: [values]}; messages are dictionaries of the same shape."""
    stack, name, bracket = [{}], None, []
    in_bracket = False
    for token in TOKEN.findall(text):
        if token == "[":
            in_bracket, bracket = True, []
        elif token == "]":
            in_bracket, name = False, "".join(bracket)
        elif in_bracket:
            bracket.append(token)
        elif token == "{":
            child = {}
            stack[-1].setdefault(name, []).append(child)
            stack.append(child)
            name = None
        elif token == "}":
            stack.pop()
        elif token == ":":
            continue
        elif name is None:
            name = token
        else:
            stack[-1].setdefault(name, []).append(token[1:-1] if token[0] == '"' else token)
            name = None
    return stack[0]


def one(message, name, default=""):
    return message.get(name, [default])[0]


def rules_of(element, extension):
    return one(one(element, "options", {}), "gantry.schema." + extension, {})


class Field:
    """One field of the descriptor set, in the words of the table."""

    def __init__(self, package, message, raw):
        self.raw = raw
        self.json = one(raw, "json_name")
        self.number = one(raw, "number")
        self.rules = rules_of(raw, "field")
        self.repeated = one(raw, "label") == "LABEL_REPEATED"
        entry = {one(n, "name"): n for n in message.get("nested_type", [])}.get(one(raw, "type_name").split(".")[-1])
        if entry and one(one(entry, "options", {}), "map_entry") == "true":
            key, value = (self.type_name(package, f) for f in entry["field"])
            self.type, self.label = f"map<{key}, {value}>", ""
        else:
            self.type, self.label = self.type_name(package, raw), "repeated" if self.repeated else "optional"

    @staticmethod
    def type_name(package, raw):
        if one(raw, "type") in SCALARS:
            return SCALARS[one(raw, "type")]
        name = one(raw, "type_name")[1:]
        return name[len(package) + 1:] if name.startswith(package + ".") else name

    def is_struct(self):
        return self.label == "optional" and self.type not in SCALARS.values()


def differences(fact, field):
    """What the schema says differently from the table about one field."""
    expected = {"label": fact["label"], "type": fact["type"], "pointer": fact["go_pointer"] == "pointer",
                "inline": fact["json"] == "(inline)", "patch_strategy": fact["patch_strategy"],
                "patch_merge_key": fact["patch_merge_key"], "list_type": fact["list_type"],
                "list_map_keys": fact["list_map_keys"]}
    rules = field.rules
    actual = {"label": field.label, "type": field.type, "pointer": one(rules, "pointer") == "true",
              "inline": one(rules, "inline") == "true", "patch_strategy": one(rules, "patch_strategy"),
              "patch_merge_key": one(rules, "patch_merge_key"), "list_type": one(rules, "list_type"),
              "list_map_keys": ",".join(rules.get("list_map_keys", []))}
    if fact["map_or_struct_type"]:
        expected["map_type"], actual["map_type"] = fact["map_or_struct_type"], one(rules, "map_type")
    if fact["json"] not in ("(inline)", "-"):
        expected["json"], actual["json"] = fact["json"], field.json
        # Go's omitempty never leaves out a struct that is not a pointer.
        kept = field.is_struct() and not expected["pointer"] and "omitzero" not in fact["json_omit"]
        expected["always"] = not fact["json_omit"] or kept
        actual["always"] = one(rules, "omit") == "ALWAYS"
    return [f"{k}: {actual[k]!r}, should be {v!r}" for k, v in expected.items() if actual[k] != v]


def uncommented(file):
    """Names of messages and fields without a comment."""
    commented = {tuple(location.get("path", [])) for location in one(file, "source_code_info", {}).get("location", [])
                 if one(location, "leading_comments").strip()}
    for i, message in enumerate(file.get("message_type", [])):
        if ("4", str(i)) not in commented:
            yield one(message, "name")
        for j, field in enumerate(message.get("field", [])):
            if ("4", str(i), "2", str(j)) not in commented:
                yield one(message, "name") + "." + one(field, "name")


def main(protoc, root, descriptor_set, facts_path):
    with open(descriptor_set, "rb") as stream:
        text = subprocess.run(
            [protoc, "-I" + root, "--decode=google.protobuf.FileDescriptorSet", "google/protobuf/descriptor.proto",
             "gantry/schema.proto"], stdin=stream, stdout=subprocess.PIPE, check=True).stdout.decode()
    problems, fields = [], {}
    for file in parse(text)["file"]:
        package = one(file, "package")
        if not package.startswith("k8s.io."):
            continue
        if one(one(file, "options", {}), "optimize_for") != "LITE_RUNTIME":
            problems.append(one(file, "name") + ": not lite")
        with open(os.path.join(root, one(file, "name")), encoding="utf-8") as source:
            if len(source.readlines()) >= 400:
                problems.append(one(file, "name") + ": 400 lines or more")
        problems += [f"{package}.{name}: no comment" for name in uncommented(file)]
        for message in file.get("message_type", []):
            for raw in message.get("field", []):
                field = Field(package, message, raw)
                fields[(package, one(message, "name"), field.number)] = field
    with open(facts_path, encoding="utf-8") as table:
        names = table.readline().rstrip("\n").split("\t")
        facts = [dict(zip(names, line.rstrip("\n").split("\t") + [""] * len(names))) for line in table]
    for fact in facts:
        field = fields.pop((fact["package"], fact["message"], fact["number"]), None)
        where = f"{fact['package']}.{fact['message']}.{fact['json']}"
        if field is None:
            problems.append(f"{where}: missing, number {fact['number']}")
        else:
            problems += [f"{where}: {d}" for d in differences(fact, field)]
    problems += [f"{package}.{message}: number {number} is unknown upstream" for package, message, number in fields]
    print("\n".join(problems) or f"{len(facts)} fields agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
