"""Writes the files that a page shows: page_files.py PAGE FOLDER PATH...

A file is a block of code whose first line is a comment with its PATH; it gets the rest of the block.
"""
import os
import re
import sys

page, folder, *paths = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    text = file.read()
for path in paths:
    block = re.search(r"\n```\w+\n(?://|/\*) " + re.escape(path) + r"(?: \*/)?\n(.*?)\n```\n", text, re.S)
    if block is None:
        sys.exit(f"{page} shows no file {path}")
    to = os.path.join(folder, path)
    os.makedirs(os.path.dirname(to), exist_ok=True)
    with open(to, "w", encoding="utf-8") as file:
        file.write(block.group(1) + "\n")
