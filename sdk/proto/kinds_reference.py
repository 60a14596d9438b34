"""Writes docs/reference/kinds.md from the compiled schema: groups, kinds, verbs, subresources, and what acts on them.

Usage: kinds_reference.py [--check] PROTOC PROTO_ROOT DESCRIPTOR_SET PAGE

ctest runs it with --check.
"""
import subprocess
import sys

from schema_check import one, parse, rules_of

HEAD = """# API kinds

Made from the schema by `sdk/proto/kinds_reference.py`. "Nothing yet" is also what who creates or updates an object of the kind is told, in a
Warning header: it is kept and shown as upstream would, and has no effect.

| group, version | kind | resource | scope | verbs | subresources | acted on |
|---|---|---|---|---|---|---|
"""
ALL = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


def resources(descriptors):
    """(resource options, kind's name) of each kind that is served."""
    for file in descriptors["file"]:
        for message in file.get("message_type", []):
            resource = one(rules_of(message, "message"), "resource", None)
            if resource:
                yield resource, one(message, "name")


def row(resource, kind):
    group = one(resource, "group")
    names = [one(resource, "plural")] + resource.get("short_names", [])
    verbs = set(resource.get("verbs", []))
    shown = "all" if verbs == ALL else "all but " + ", ".join(sorted(ALL - verbs)) if len(verbs) > 4 else ", ".join(sorted(verbs))
    parts = sorted(one(part, "name") for part in resource.get("subresources", []))
    scope = "namespace" if one(resource, "namespaced") == "true" else "cluster"
    acts = "nothing yet" if one(resource, "warning") else "yes"
    version = one(resource, "version")
    return (f"| {group + '/' if group else ''}{version} | {kind} | {', '.join(names)} | {scope} | {shown} | "
            f"{', '.join(parts)} | {acts} |")


def main(arguments):
    check = arguments[0] == "--check"
    protoc, root, descriptor_set, page = arguments[check:]
    with open(descriptor_set, "rb") as stream:
        text = subprocess.run(
            [protoc, "-I" + root, "--decode=google.protobuf.FileDescriptorSet", "google/protobuf/descriptor.proto",
             "gantry/schema.proto"], stdin=stream, stdout=subprocess.PIPE, check=True).stdout.decode()
    found = sorted(resources(parse(text)), key=lambda entry: (one(entry[0], "group"), one(entry[0], "version"), entry[1]))
    want = HEAD + "\n".join(row(*entry) for entry in found) + "\n"
    if not check:
        with open(page, "w", encoding="utf-8") as out:
            out.write(want)
        return 0
    with open(page, encoding="utf-8") as have:
        if have.read() == want:
            return 0
    print(f"{page} is not what the schema says: write it anew without --check")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
