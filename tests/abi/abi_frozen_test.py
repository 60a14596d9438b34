#!/usr/bin/env python3
"""Today's headers and messages against every released ABI; and that a break of each kind is found, by its name.

frozen/vMAJOR.MINOR holds a release: copies of sdk/include/gantry/abi (in include) and of the messages that cross the ABI (in
proto), made when it is released and never edited again. A folder beside it is all that a further release needs here.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # nothing is to appear in the source tree
import abi_compat  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.join(HERE, "../../sdk")
FROZEN = os.path.join(HERE, "frozen")
RELEASE = os.path.join(FROZEN, "v1.0")
needs_abidiff = unittest.skipUnless(abi_compat.have_abidiff(), "abidiff (package abigail-tools) is not installed")


class Released(unittest.TestCase):
    """The SDK as it is."""

    def each_release(self, part, check, current):
        for release in sorted(name for name in os.listdir(FROZEN) if name.startswith("v")):
            with self.subTest(release=release):
                breaks = check(os.path.join(FROZEN, release, part), os.path.join(SDK, current))
                self.assertEqual(breaks, [], f"plugins built against ABI {release} would break:\n" + "\n".join(breaks))

    @needs_abidiff
    def test_headers(self):
        self.each_release("include", abi_compat.check_headers, "include")

    def test_messages(self):
        self.each_release("proto", abi_compat.check_messages, "proto")

    def test_every_table_is_compared(self):
        headers = abi_compat.header_text(os.path.join(RELEASE, "include"))
        self.assertIn("gantry_reload", abi_compat.type_names(headers))
        self.assertIn("gantry_exec_exit", abi_compat.type_names(headers))
        self.assertIn("gantry_host", abi_compat.tables(headers))
        self.assertNotIn("gantry_slice", abi_compat.tables(headers))


class Edited(unittest.TestCase):
    """A copy of the released ABI, edited."""

    def edited(self, part, check, file, *edits):
        with tempfile.TemporaryDirectory(prefix="gantry-abi-") as work:
            copy = os.path.join(work, part)
            shutil.copytree(os.path.join(RELEASE, part), copy)
            path = os.path.join(copy, "gantry", file)
            with open(path, encoding="utf-8") as given:
                text = given.read()
            for old, new in edits:
                self.assertIn(old, text)
                text = text.replace(old, new)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            return check(os.path.join(RELEASE, part), copy)

    def headers(self, file, *edits):
        return "\n".join(self.edited("include", abi_compat.check_headers, f"abi/{file}", *edits))

    def messages(self, file, *edits):
        return "\n".join(self.edited("proto", abi_compat.check_messages, file, *edits))


@needs_abidiff
class HeaderBreaks(Edited):
    GC = "gantry_network_verb gc;"

    def test_growth_at_the_end_is_none(self):
        self.assertEqual(self.headers("network.h", (self.GC, self.GC + " gantry_network_verb more; void* data;")), "")
        # Of a table that others are told of through pointers, too.
        last = "const void* (*get_interface)(const gantry_host* host, const char* id);"
        self.assertEqual(self.headers("plugin.h", (last, last + " void (*more)(void);")), "")

    def test_a_higher_minor_and_new_types_are_none(self):
        self.assertEqual(self.headers("base.h", ("ABI_MINOR 0u", "ABI_MINOR 1u"),
                                      ("typedef int32_t gantry_code;", "typedef int32_t gantry_code; typedef struct gantry_new {"
                                       "\n  size_t size;\n} gantry_new;\n")), "")

    def test_swapped_members(self):
        found = self.headers("network.h", ("verb add;", "verb DEL;"), ("verb del;", "verb add;"), ("verb DEL;", "verb del;"))
        self.assertIn("'gantry_network_verb add' offset changed from 192 to 256", found)

    def test_a_member_in_the_middle(self):
        self.assertIn("gc' offset changed from 384 to 448", self.headers("network.h", (self.GC, "gantry_network_verb x; " + self.GC)))

    def test_a_removed_member(self):
        self.assertIn("data member deletion:\n    'gantry_network_verb gc'", self.headers("network.h", (self.GC, "")))

    def test_growth_hides_no_other_change(self):
        found = self.headers("network.h", (self.GC, "gantry_network_verb gd; void* data;"))
        self.assertIn("name of 'gantry_network::gc' changed to 'gantry_network::gd'", found)
        found = self.headers("network.h", (self.GC, "void (*gc)(int); void* data;"))
        self.assertIn("'void (int)*'", found)

    def test_another_parameter(self):
        found = self.headers("log.h", ("(*enabled)(const gantry_host* host, int32_t", "(*enabled)(const gantry_host* host, uint32_t"))
        self.assertIn("'gantry_log::enabled' changed", found)

    def test_a_callbacks_parameter(self):
        found = self.headers("runtime.h", ("gantry_code code, int32_t exit_code", "gantry_code code, int64_t exit_code"))
        self.assertIn("gantry_exec_exit", found)

    def test_what_has_no_size_may_not_grow(self):
        found = self.headers("base.h", ("  size_t size;\n} gantry_slice", "  size_t size;\n  size_t more;\n} gantry_slice"))
        self.assertIn("'struct gantry_slice' changed", found)

    def test_constants(self):
        self.assertEqual(self.headers("log.h", ('"gantry.log/1"', '"gantry.log/2"')),
                         'constant GANTRY_LOG_ID changed from "gantry.log/1" to "gantry.log/2"')
        self.assertEqual(self.headers("log.h", ("GANTRY_LOG_WARN = 2", "GANTRY_LOG_WARN = 4")),
                         "constant GANTRY_LOG_WARN changed from 2 to 4")


class MessageBreaks(Edited):
    NAME = "message ControllerSpec {\n  optional string name = 1;"

    def test_additions_are_none(self):
        self.assertEqual(self.messages("abi.proto", (self.NAME, self.NAME + " optional string more = 99;"),
                                       ("NONE = 3;", "NONE = 3; MORE = 4;"),
                                       ("message ControllerSpec", "message Added { optional int32 x = 1; }\nmessage ControllerSpec")),
                         "")

    def changed(self, new, expected):
        found = self.messages("abi.proto", (self.NAME, "message ControllerSpec {\n  " + new))
        self.assertEqual(found, "gantry.abi.ControllerSpec: " + expected)

    def test_a_renumbered_field(self):
        self.changed("optional string name = 99;", "field 1 (\"name\") is gone")

    def test_another_type(self):
        self.changed("optional bytes name = 1;", 'the type of field 1 ("name") changed from TYPE_STRING to TYPE_BYTES')

    def test_a_type_that_is_the_same_on_the_wire(self):
        value = "string key = 1;\n  string value = 2;"
        self.assertEqual(self.messages("runtime.proto", (value, "string key = 1;\n  bytes value = 2;")), "")
        self.assertIn("the type of field 2", self.messages("runtime.proto", (value, "string key = 1;\n  int32 value = 2;")))

    def test_another_label(self):
        self.changed("repeated string name = 1;", 'the label of field 1 ("name") changed from LABEL_OPTIONAL to LABEL_REPEATED')

    def test_another_name(self):
        self.changed("optional string title = 1;", 'the name of field 1 ("name") changed from "name" to "title"')

    def test_a_new_required_field(self):
        self.changed("optional string name = 1; required int32 more = 99;",
                     'new field 99 ("more") is required, which no released plugin sets')

    def test_enum_values(self):
        self.assertEqual(self.messages("abi.proto", ("NONE = 3;", "NONE = 7;")),
                         'gantry.abi.WatchSpec.Mapping: value "NONE" changed from 3 to 7')
        self.assertEqual(self.messages("abi.proto", ("NONE = 3;", "NOTHING = 3;")),
                         'gantry.abi.WatchSpec.Mapping: value "NONE" is gone')

    def test_a_renamed_message(self):
        self.assertIn("message gantry.runtime.v1.VersionRequest is gone",
                      self.messages("runtime.proto", ("VersionRequest", "VersionQuestion")))

    def test_the_command_fails_and_prints_the_difference(self):
        with tempfile.TemporaryDirectory(prefix="gantry-abi-") as work:
            shutil.copytree(os.path.join(RELEASE, "proto"), os.path.join(work, "proto"))
            os.remove(os.path.join(work, "proto/gantry/runtime.proto"))
            done = subprocess.run([sys.executable, os.path.join(HERE, "abi_compat.py"), RELEASE,
                                   os.path.join(RELEASE, "include"), os.path.join(work, "proto")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("file gantry/runtime.proto is gone", done.stdout)


if __name__ == "__main__":
    unittest.main()
