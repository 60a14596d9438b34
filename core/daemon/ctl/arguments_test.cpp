#include "core/daemon/ctl/arguments.hpp"

#include <gtest/gtest.h>

namespace gantry::ctl {
namespace {

using Words = std::vector<std::string>;

Arguments parsed(const Words& words) {
  auto arguments = parse_arguments(words);
  EXPECT_TRUE(arguments.ok()) << arguments.error().message();
  return arguments ? *arguments : Arguments();
}
std::string refused(const Words& words) {
  const auto arguments = parse_arguments(words);
  EXPECT_FALSE(arguments.ok());
  return arguments ? "" : arguments.error().message();
}

TEST(Arguments, Commands) {
  EXPECT_EQ(parsed({"status"}).command, Command::kStatus);
  EXPECT_EQ(parsed({"image", "list"}).command, Command::kImageList);
  EXPECT_EQ(parsed({"plugin", "list"}).command, Command::kPluginList);
  const auto import = parsed({"image", "import", "-"});
  EXPECT_EQ(import.command, Command::kImageImport);
  EXPECT_EQ(import.operands, Words{"-"});
  EXPECT_EQ(parsed({"image", "rm", "a", "b"}).operands, (Words{"a", "b"}));
  EXPECT_EQ(parsed({"image", "rm", "--", "-odd"}).operands, Words{"-odd"});
  EXPECT_TRUE(parsed({"kubeconfig", "--raw"}).raw);
  EXPECT_EQ(parsed({"clock"}).command, Command::kClockShow);
  EXPECT_EQ(parsed({"clock", "-o", "json"}).format, Format::kJson);
  const auto advance = parsed({"clock", "advance", "24h"});
  EXPECT_EQ(advance.command, Command::kClockAdvance);
  EXPECT_EQ(advance.operands, Words{"24h"});
}

TEST(Arguments, OptionsStandAnywhereInAllTheirForms) {
  for (const Words& words : {Words{"--config", "f", "status"}, Words{"--config=f", "status"},
                             Words{"status", "-c", "f"}, Words{"-cf", "status"}}) {
    EXPECT_EQ(parsed(words).config, "f");
  }
  for (const Words& words : {Words{"image", "list", "-o", "json"}, Words{"image", "list", "-ojson"},
                             Words{"-o=json", "image", "list"}, Words{"image", "--output=json", "list"}}) {
    EXPECT_EQ(parsed(words).format, Format::kJson);
  }
  EXPECT_EQ(parsed({"plugin", "list", "-o", "wide"}).format, Format::kWide);
}

TEST(Arguments, HelpAndVersion) {
  EXPECT_EQ(parsed({"--help"}).command, Command::kHelp);
  EXPECT_EQ(parsed({"help"}).command, Command::kHelp);
  EXPECT_EQ(parsed({"image", "--help"}).topic, "image");
  EXPECT_EQ(parsed({"help", "plugin", "show"}).topic, "plugin show");
  EXPECT_EQ(parsed({"--version"}).command, Command::kVersion);
  EXPECT_NE(help_text("").find("image import FILE|-"), std::string::npos);
  EXPECT_EQ(help_text("image").find("plugin"), std::string::npos);
  EXPECT_EQ(help_text("nothing"), "");
}

TEST(Arguments, MistakesAreNamed) {
  EXPECT_EQ(refused({}), "a command is needed");
  EXPECT_EQ(refused({"image"}), "'image' needs a command");
  EXPECT_EQ(refused({"image", "eat"}), "unknown command 'image eat'");
  EXPECT_EQ(refused({"images"}), "unknown command 'images'");
  EXPECT_EQ(refused({"image", "import"}), "usage: gantryctl image import FILE|-");
  EXPECT_EQ(refused({"clock", "back"}), "unknown command 'clock back'");
  EXPECT_EQ(refused({"clock", "advance"}), "usage: gantryctl clock advance SPAN|TIME");
  EXPECT_EQ(refused({"status", "please"}), "usage: gantryctl status");
  EXPECT_EQ(refused({"--colour", "status"}), "unknown option --colour");
  EXPECT_EQ(refused({"status", "--config"}), "option --config needs a value");
  EXPECT_EQ(refused({"status", "-o", "wide"}), "'status' has no output format wide; use -o json");
  EXPECT_EQ(refused({"image", "list", "-o", "yaml"}), "'image list' has no output format yaml; use -o json|wide|name");
  EXPECT_EQ(refused({"image", "rm", "x", "-o", "json"}), "'image rm' has no output format json");
  EXPECT_EQ(refused({"status", "--raw"}), "unknown option --raw for 'status'");
  EXPECT_EQ(refused({"help", "eat"}), "unknown command 'eat'");
}

}  // namespace
}  // namespace gantry::ctl
