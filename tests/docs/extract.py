"""Takes a file that a guide writes with cat > PATH <<'END' out of the guide: extract.py GUIDE PATH OUTPUT."""
import re
import sys

guide, path, output = sys.argv[1:]
text = open(guide, encoding="utf-8").read()
found = re.search(r"cat > " + re.escape(path) + r" <<'END'\n(.*?)\nEND\n", text, re.S)
if not found:
    sys.exit(f"{guide}: no here-document that writes {path}")
with open(output, "w", encoding="utf-8") as file:
    file.write(found.group(1) + "\n")
