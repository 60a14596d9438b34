"""Writes docs/reference/plugin-configuration.md: every key of [plugin.NAME], from the pages of the plugins.

plugin_keys.py ROOT           writes it
plugin_keys.py --check ROOT   fails when it is not what would be written

Fails, too, when a key that the code reads stands in no table of its page, or a key of a table is read by nobody.
"""
import difflib
import glob
import os
import re
import sys

READS = [r'config_(?:string|int|bool|strings)\("(\w+)"', r'\bin\.(?:text|amount|flag|list|number|millis|share)\("(\w+)"']
DAEMONS = [r'\btake\("(\w+)"', r'table\.get\("(\w+)"\)']


def keys_in_code(files, patterns):
    found = set()
    for path in files:
        text = open(path, encoding="utf-8").read()
        for pattern in patterns:
            found.update(re.findall(pattern, text))
    return found


def tables(page):
    """The tables of a page whose first column is a key: their lines, and the keys."""
    lines, keys, inside = [], set(), False
    for line in open(page, encoding="utf-8").read().split("\n"):
        inside = line.startswith("|") and (inside or re.match(r"\| key( in `\[plugin\.[^`]*`)? \|", line, re.I) is not None)
        if not inside:
            continue
        lines.append(line)
        keys.update(re.findall(r"`(\w+)`", line.split("|")[1]))
    return lines, keys


def section(title, page, code, patterns, problems):
    lines, documented = tables(page)
    read = keys_in_code(code, patterns)
    for key in sorted(read - documented):
        problems.append(f"{page}: the key {key} is read, but stands in no table")
    for key in sorted(documented - read):
        problems.append(f"{page}: nobody reads the key {key}")
    if not lines:
        return ""
    lines[0] = re.sub(r"^\| [^|]*\|", "| key |", lines[0])
    return f"## {title}\n\n" + "\n".join(lines) + "\n\n"


def reference(root):
    problems = []
    out = "# Configuration of plugins\n\n"
    out += "Every key of the tables `[plugin.NAME]`, by plugin; what the plugins do is said on their pages in `plugins/`. Made from\n"
    out += "these pages by `python3 sdk/cmake/plugin_keys.py .`; a test sees that they agree, with the code too.\n\n"
    daemon = sorted(glob.glob(os.path.join(root, "core/daemon/config*.cpp")))
    out += section("Every plugin", os.path.join(root, "plugins/README.md"), [f for f in daemon if "_test" not in f], DAEMONS, problems)
    for page in sorted(glob.glob(os.path.join(root, "plugins/*/*/README.md"))):
        folder = os.path.dirname(page)
        code = [f for f in glob.glob(os.path.join(folder, "*.?pp")) if "_test" not in f and "_fixture" not in f]
        out += section(f"[plugin.{os.path.basename(folder)}]", page, code, READS, problems)
    if problems:
        sys.exit("\n".join(problems))
    return out.rstrip("\n") + "\n"


def main():
    check = sys.argv[1] == "--check"
    root = sys.argv[-1]
    output = os.path.join(root, "docs/reference/plugin-configuration.md")
    wanted = reference(root)
    if not check:
        with open(output, "w", encoding="utf-8") as file:
            file.write(wanted)
        return
    found = open(output, encoding="utf-8").read() if os.path.exists(output) else ""
    if found != wanted:
        sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), output, "from the pages"))
        sys.exit(f"\n{output} is not up to date; write it anew: python3 sdk/cmake/plugin_keys.py .")


main()
