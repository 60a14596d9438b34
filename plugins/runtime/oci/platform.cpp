#include "platform.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace gantry::oci {
namespace {

// Different words for one thing, as containerd reads them.
Platform normal(Platform p) {
  for (auto* word : {&p.os, &p.architecture, &p.variant}) {
    std::ranges::transform(*word, word->begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (p.architecture == "x86_64" || p.architecture == "x86-64") p.architecture = "amd64";
  if (p.architecture == "aarch64") p.architecture = "arm64";
  if (p.architecture == "armhf") p = {p.os, "arm", "v7"};
  if (p.architecture == "armel") p = {p.os, "arm", "v6"};
  if (p.variant.size() == 1 && std::isdigit(static_cast<unsigned char>(p.variant[0])) != 0) p.variant = "v" + p.variant;
  if (p.architecture == "amd64" && p.variant == "v1") p.variant.clear();
  if (p.architecture == "arm64" && p.variant == "v8") p.variant.clear();
  if (p.architecture == "arm" && p.variant.empty()) p.variant = "v7";
  return p;
}

int arm_version(const std::string& variant) {
  return variant.size() == 2 && variant >= "v5" && variant <= "v8" ? variant[1] - '0' : 0;
}

}  // namespace

std::string Platform::text() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

Platform platform_of_machine(const std::string& machine) {
  if (machine.starts_with("armv") && machine.size() > 4) return normal({"linux", "arm", machine.substr(4, 1)});
  if (machine == "i386" || machine == "i686") return {"linux", "386", ""};
  return normal({"linux", machine, ""});
}

Platform this_platform() {
  struct utsname info {};
  ::uname(&info);
  return platform_of_machine(info.machine);
}

std::optional<int> suits(const Platform& image, const Platform& machine) {
  const auto wanted = normal(image);
  if (wanted.os != machine.os || wanted.architecture != machine.architecture) return std::nullopt;
  if (wanted.variant == machine.variant) return 0;
  if (machine.architecture != "arm") return std::nullopt;
  const int has = arm_version(machine.variant), needs = arm_version(wanted.variant);
  return needs > 0 && needs < has ? std::optional<int>(has - needs) : std::nullopt;
}

}  // namespace gantry::oci
