"""Writes how a message and all that it is made of look in JSON, as a table in C++ (sdk/src/json_table.hpp).

Usage: json_table.py PROTOC PROTO_ROOT DESCRIPTOR_SET MESSAGE OUT

MESSAGE is the table's first. The fields of a message are sorted by their names in JSON.
"""
import subprocess
import sys

from schema_check import one, parse, rules_of

TYPES = {"DOUBLE": "kDouble", "INT64": "kInteger", "UINT64": "kInteger", "INT32": "kInteger", "UINT32": "kInteger",
         "BOOL": "kBool", "STRING": "kText", "MESSAGE": "kMessage", "BYTES": "kBytes"}
FORMS = {"STRUCT": "kStruct", "TIME": "kTime", "QUANTITY": "kQuantity", "INT_OR_STRING": "kIntOrString", "RAW_JSON": "kRawJson"}


def all_messages(scope, descriptors, found):
    for message in descriptors:
        name = scope + "." + one(message, "name")
        found[name] = message
        all_messages(name, message.get("nested_type", []), found)


class Table:
    def __init__(self, found):
        self.found, self.order = found, []

    def index(self, name):
        if name not in self.order:
            self.order.append(name)
        return self.order.index(name)

    def field(self, raw):
        rules = rules_of(raw, "field")
        flags = [flag for name, flag in (("pointer", "kPointer"), ("inline", "kInline")) if one(rules, name) == "true"]
        if one(rules, "omit") == "ALWAYS":
            flags.append("kAlways")
        if one(raw, "label") == "LABEL_REPEATED":
            flags.append("kRepeated")
        name, number, value = one(raw, "json_name"), one(raw, "number"), raw
        entry = self.found.get(one(raw, "type_name"), {})
        if one(one(entry, "options", {}), "map_entry") == "true":
            flags[-1] = "kMap"
            value = next(part for part in entry["field"] if one(part, "number") == "2")
        kind = TYPES[one(value, "type")[len("TYPE_"):]]
        message = self.index(one(value, "type_name")) if kind == "kMessage" else 0
        return name, f'{{{number}, {message}, FieldType::{kind}, {" | ".join(flags) or "0"}, "{name}"}}'

    def text(self):
        rows, messages = [], []
        for name in self.order:  # which grows meanwhile
            form = FORMS[one(rules_of(self.found[name], "message"), "form", "STRUCT")]
            own = sorted(self.field(raw) for raw in self.found[name].get("field", [])) if form == "kStruct" else []
            messages.append(f"{{Form::{form}, {len(rows)}, {len(own)}}}")
            rows += [row for _, row in own]
        return ("constexpr JsonField kFields[] = {\n    " + ",\n    ".join(rows) + "};\n" +
                "constexpr JsonMessage kMessages[] = {\n    " + ",\n    ".join(messages) + "};\n")


def main(protoc, root, descriptor_set, message, path):
    with open(descriptor_set, "rb") as stream:
        text = subprocess.run(
            [protoc, "-I" + root, "--decode=google.protobuf.FileDescriptorSet", "google/protobuf/descriptor.proto",
             "gantry/schema.proto"], stdin=stream, stdout=subprocess.PIPE, check=True).stdout.decode()
    found = {}
    for file in parse(text)["file"]:
        all_messages("." + one(file, "package"), file.get("message_type", []), found)
    table = Table(found)
    table.index("." + message)
    with open(path, "w", encoding="utf-8") as out:
        out.write(table.text())


if __name__ == "__main__":
    main(*sys.argv[1:])
