#!/usr/bin/env python3
"""The table of interfaces that is made from the headers: against what was released, and headers that break a rule.

frozen/vMAJOR.MINOR has the headers of a release: what the notes of today's headers say was there then must be what was there.
"""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.join(HERE, "../../sdk")
SCRIPTS = os.path.join(SDK, "cmake")
sys.dont_write_bytecode = True  # nothing is to appear in the source tree
sys.path.insert(0, SCRIPTS)
import abi_headers  # noqa: E402

HEADER = """/* gantry.demo/1: a family for a test. */
#include "gantry/abi/base.h"
#define GANTRY_DEMO_ID "gantry.demo/1"
typedef gantry_code (*gantry_demo_verb)(void* instance, gantry_slice request, gantry_buffer* response,
                                        gantry_buffer* error);
typedef struct gantry_demo {
  size_t size;
  /* Does something. [worker] */
  gantry_demo_verb act;
  MORE
} gantry_demo;
"""


def interfaces(more="", header=HEADER):
    with tempfile.TemporaryDirectory(prefix="gantry-abi-table-") as folder:
        path = os.path.join(folder, "demo.h")
        with open(path, "w", encoding="utf-8") as file:
            file.write(header.replace("MORE", more))
        return abi_headers.interfaces_of(path, "demo.h")


class TableOfInterfaces(unittest.TestCase):
    def refused(self, sentence, more="", header=HEADER):
        with self.assertRaises(abi_headers.Refused) as caught:
            interfaces(more, header)
        self.assertIn(sentence, str(caught.exception))

    def test_what_was_released_is_what_the_notes_say(self):
        today = {one.identity: one for one in abi_headers.all_interfaces([(os.path.join(SDK, "include/gantry/abi"), "gantry/abi")])}
        releases = sorted(os.listdir(os.path.join(HERE, "frozen")))
        self.assertIn("v1.0", releases)
        for release in releases:
            folder = os.path.join(HERE, "frozen", release, "include/gantry/abi")
            for path in abi_headers.headers_of(folder):
                text = abi_headers.read(path)
                for kind, content in abi_headers.split(text):
                    for name in [one.table for one in today.values()]:
                        if kind != "code" or not content.startswith(f"typedef struct {name} {{\n  size_t size;"):
                            continue
                        identity = next(one.identity for one in today.values() if one.table == name)
                        then = abi_headers.table_members(content[content.index("{") + 1:content.rindex("}")], "",
                                                         abi_headers.typedefs_of(text))
                        noted = [member.name for member in today[identity].members
                                 if abi_headers.version(member.since) <= abi_headers.version(release[1:])]
                        self.assertEqual([member.name for member in then], noted, f"{identity} in {release}")

    def test_a_signature_says_what_crosses(self):
        [demo] = interfaces("/* Lasts. [worker] [optional] [long] */ gantry_demo_verb last;\n"
                            "  void (*resize)(void* instance, uint64_t id, uint16_t columns); /* [any-thread] [since 1.3] */")
        self.assertEqual([member.shape for member in demo.members], ["verb", "long verb", "verb"])
        self.assertEqual([member.required for member in demo.members], [True, False, True])
        self.assertEqual([member.has_error for member in demo.members], [True, True, False])
        self.assertEqual(demo.side, "plugin")
        self.assertEqual(abi_headers.table_sizes(demo), [("1.0", 24), ("1.3", 32)])
        self.assertEqual(demo.first_release(), 2)

    def test_a_header_that_breaks_a_rule_is_refused(self):
        self.refused("gantry_demo.mute states no thread contract", "gantry_demo_verb mute; /* Says nothing. */")
        self.refused("gantry_demo.tell can't cross to a process by a rule, its parameter told is a function: add [stream]",
                     "void (*tell)(void* instance, void (*told)(void* context), void* context); /* [main] */")
        self.refused("can't cross to a process by a rule, it gives back more than one value",
                     "gantry_code (*two)(void* instance, gantry_buffer* one, gantry_buffer* two); /* [main] */")
        self.refused("can't cross to a process by a rule, its parameter text is a const char*",
                     "void (*say)(void* instance, const char* text); /* [main] */")
        self.refused("gantry_demo.late does not take void* instance first", "void (*late)(uint64_t id); /* [main] */")
        self.refused("gantry_demo.third was added before what stands in front of it",
                     "/* [main] [since 1.2] */ gantry_demo_verb second;\n  gantry_demo_verb third; /* [main] [since 1.1] */")
        self.refused("has something else than functions behind its size", "uint64_t number;")
        self.refused("is the id of no struct gantry_demo that begins with its size", header=HEADER.replace("struct gantry_demo", "struct gantry_other"))
        for note in ("[custom]", "[stream]", "[in-process]"):
            interfaces(f"void (*tell)(void* instance, void* context); /* [main] {note} */")

    def test_the_list_is_left_alone_when_nothing_changed(self):
        with tempfile.TemporaryDirectory(prefix="gantry-abi-table-") as folder:
            make = ["python3", os.path.join(SCRIPTS, "abi_table.py"), folder, os.path.join(SDK, "include/gantry/abi") + "=gantry/abi"]
            subprocess.run(make, check=True)
            path = os.path.join(folder, "gantry_interfaces.inc")
            made = abi_headers.read(path)
            self.assertIn("PLUGIN_VERB(gantry_network, add, kVerb, kWorker, kByRule, true, 1000, true)", made)
            self.assertIn("HOST_BY_HAND(gantry_timer, start, kCustom, kAny, kByHand, true, 1000, false)", made)
            self.assertIn("LOCAL(gantry_calls, call_all, ", made)
            twice = subprocess.run([*make, make[-1]], capture_output=True, text=True)
            self.assertNotEqual(twice.returncode, 0)
            self.assertIn("have the same id gantry.cache/1", twice.stderr)


unittest.main()
