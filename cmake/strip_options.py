"""Copies .proto files and what they import, without the (gantry.schema.*) options, into a folder.

Usage: strip_options.py PROTO_ROOT OUT FILE... Plain text work: options stand in [...] behind a field or in
`option (gantry.schema...) = {...};` statements, and strings inside them are honoured.
"""
import os
import re
import sys


def skip_balanced(text, i):
    """Index just past the bracket that closes the one at i; quotes and comments are passed over."""
    pairs = {"{": "}", "[": "]"}
    stack = []
    while i < len(text):
        c = text[i]
        if c in "\"'":
            j = i + 1
            while text[j] != c:
                j += 2 if text[j] == "\\" else 1
            i = j
        elif text.startswith("//", i):
            i = text.index("\n", i)
        elif c in pairs:
            stack.append(pairs[c])
        elif stack and c == stack[-1]:
            stack.pop()
            if not stack:
                return i + 1
        i += 1
    raise SystemExit("strip_options: unbalanced brackets")


def strip(text):
    text = re.sub(r'^\s*import\s+"gantry/schema.proto";\s*$', "", text, flags=re.M)
    out, i = [], 0
    while i < len(text):
        if text.startswith("//", i):
            j = text.find("\n", i)
            i = len(text) if j < 0 else j
        elif re.match(r"option\s*\(\s*gantry\.schema\.", text[i:i + 60]):
            depth_end = text.index("{", i) if "{" in text[i:text.index(";", i)] else None
            i = skip_balanced(text, depth_end) if depth_end else text.index(";", i)
            i = text.index(";", i) + 1
        elif text[i] == "[":
            j = skip_balanced(text, i)
            names = re.findall(r'json_name\s*=\s*"[^"]*"', text[i:j])
            if names:
                out.append(" [" + names[0] + "]")
            i = j
        elif text[i] in "\"'":
            j = text.index(text[i], i + 1) + 1
            out.append(text[i:j])
            i = j
        else:
            out.append(text[i])
            i += 1
    return "".join(out)


def copy(root, name, out, seen):
    if name in seen or name == "gantry/schema.proto" or name.startswith("google/"):
        return
    seen.add(name)
    # What a plugin's file imports from the SDK is no part of its project.
    if not os.path.exists(os.path.join(root, name)):
        return
    with open(os.path.join(root, name), encoding="utf-8") as f:
        text = f.read()
    text = strip(text)
    target = os.path.join(out, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as f:
        f.write(text)
    for imported in re.findall(r'^\s*import\s+(?:public\s+)?"([^"]+)";', text, flags=re.M):
        copy(root, imported, out, seen)


copied = set()
for file in sys.argv[3:]:
    copy(sys.argv[1], file, sys.argv[2], copied)
