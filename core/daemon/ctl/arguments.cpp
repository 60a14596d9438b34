#include "core/daemon/ctl/arguments.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace gantry::ctl {
namespace {

struct Syntax {
  std::string_view words;  // "image list"
  Command command;
  std::string_view operands;  // as help shows them
  size_t least, most;
  std::string_view formats;  // of -o, space-separated; empty: no -o
  std::string_view what;     // one line
};

constexpr size_t kMany = std::numeric_limits<size_t>::max();

// The one list of commands: parsing and help both walk it.
constexpr Syntax kSyntax[] = {
    {"status", Command::kStatus, "", 0, 0, "json", "how the daemon is"},
    {"kubeconfig", Command::kKubeconfig, "", 0, 0, "",
     "where the administrator's kubeconfig lies; --raw: what is in it"},
    {"image list", Command::kImageList, "", 0, 0, "json wide name", "the images of this node"},
    {"image import", Command::kImageImport, "FILE|-", 1, 1, "",
     "adds the images of an OCI or docker archive; - reads it from standard input"},
    {"image rm", Command::kImageRemove, "NAME...", 1, kMany, "", "removes images"},
    {"plugin list", Command::kPluginList, "", 0, 0, "json wide name", "the plugins, and whether each is loaded"},
    {"plugin show", Command::kPluginShow, "NAME", 1, 1, "json", "all that is known about a plugin"},
    {"plugin reload", Command::kPluginReload, "NAME", 1, 1, "",
     "loads the plugin's file and configuration anew, and has it take over while the old one works"},
    {"plugin enable", Command::kPluginEnable, "NAME", 1, 1, "",
     "switches a plugin on, also for later starts of the daemon"},
    {"plugin disable", Command::kPluginDisable, "NAME", 1, 1, "",
     "switches a plugin off, also for later starts of the daemon"},
    {"plugin verify", Command::kPluginVerify, "FILE", 1, 1, "",
     "says whether the daemon would load a file, and why not; needs no daemon"},
    {"plugin new", Command::kPluginNew, "KIND NAME", 2, 2, "",
     "writes a project that builds a plugin, here or into --dir; KIND: controller, kind (an API kind and its "
     "controller), network or runtime"},
    {"clock", Command::kClockShow, "", 0, 0, "json", "the simulated time, and when something is due next"},
    {"clock advance", Command::kClockAdvance, "SPAN|TIME", 1, 1, "json",
     "moves it on by a span (24h, 1h30m) or to a time (2030-01-02T00:00:00Z), through all that is due until then"},
    {"completion", Command::kCompletion, "bash|zsh", 1, 1, "", "prints a completion script for a shell"},
};

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool is_group(std::string_view word) {
  return std::any_of(std::begin(kSyntax), std::end(kSyntax), [&](const Syntax& syntax) {
    return syntax.words.size() > word.size() && syntax.words.starts_with(word) && syntax.words[word.size()] == ' ';
  });
}

const Syntax* find_syntax(std::string_view words) {
  const auto* it =
      std::find_if(std::begin(kSyntax), std::end(kSyntax), [&](const Syntax& syntax) { return syntax.words == words; });
  return it == std::end(kSyntax) ? nullptr : it;
}

// Options and words, told apart.
struct Words {
  std::vector<std::string> plain;
  std::string config, output, dir;
  bool raw = false, help = false, version = false, has_output = false;
};

class Splitter {
 public:
  explicit Splitter(const std::vector<std::string>& words) : words_(words) {}

  Expected<Words> split() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      if (auto done = take(words_[at_]); !done.ok()) return done;
    }
    return std::move(out_);
  }

 private:
  Status take(const std::string& word) {
    if (only_plain_ || word == "-" || word.empty() || word[0] != '-') {
      out_.plain.push_back(word);
      return {};
    }
    if (word == "--") {
      only_plain_ = true;
      return {};
    }
    if (flag(word, "-h", "--help", out_.help) || flag(word, "", "--version", out_.version) ||
        flag(word, "", "--raw", out_.raw)) {
      return {};
    }
    if (is_option(word, "-c", "--config")) return value(word, "--config", out_.config);
    if (is_option(word, "-o", "--output")) {
      out_.has_output = true;
      return value(word, "--output", out_.output);
    }
    if (is_option(word, "--dir", "--dir")) return value(word, "--dir", out_.dir);
    return Status::bad_request("unknown option " + word);
  }
  static bool flag(const std::string& word, std::string_view brief, std::string_view full, bool& out) {
    if (word != full && (brief.empty() || word != brief)) return false;
    out = true;
    return true;
  }
  static bool is_option(const std::string& word, std::string_view brief, std::string_view full) {
    const bool is_brief = word.starts_with(brief) && !word.starts_with("--");
    return is_brief || word == full || word.starts_with(std::string(full) + "=");
  }
  // "--config=x", "--config x", "-cx", "-c x", "-c=x".
  Status value(const std::string& word, std::string_view full, std::string& out) {
    const size_t name = word.starts_with("--") ? full.size() : 2;
    if (word.size() > name) {
      out = word.substr(name + (word[name] == '=' ? 1 : 0));
    } else if (at_ + 1 < words_.size()) {
      out = words_[++at_];
    }
    return out.empty() ? Status::bad_request("option " + std::string(full) + " needs a value") : Status();
  }

  const std::vector<std::string>& words_;
  Words out_;
  size_t at_ = 0;
  bool only_plain_ = false;
};

Expected<Format> format_of(const Syntax& syntax, const std::string& word) {
  if (!has_word(syntax.formats, word)) {
    std::string expected(syntax.formats);
    for (size_t at; (at = expected.find(' ')) != std::string::npos;) expected.replace(at, 1, "|");
    return Status::bad_request("'" + std::string(syntax.words) + "' has no output format " + word +
                               (expected.empty() ? "" : "; use -o " + expected));
  }
  return word == "json" ? Format::kJson : word == "wide" ? Format::kWide : Format::kName;
}

// The command that the first words name; takes them off `plain`.
Expected<const Syntax*> take_command(std::vector<std::string>& plain) {
  std::string name = plain.front();
  size_t used = 1;
  const bool alone = find_syntax(name) != nullptr;  // "clock" is a command, too
  if (is_group(name) && (plain.size() > 1 || !alone)) {
    if (plain.size() == 1) return Status::bad_request("'" + name + "' needs a command");
    name += " " + plain[1];
    used = 2;
  }
  const auto* syntax = find_syntax(name);
  if (syntax == nullptr) return Status::bad_request("unknown command '" + name + "'");
  plain.erase(plain.begin(), plain.begin() + static_cast<ptrdiff_t>(used));
  return syntax;
}

std::string usage_line(const Syntax& syntax) {
  return std::string(syntax.words) + (syntax.operands.empty() ? "" : " " + std::string(syntax.operands));
}

}  // namespace

Expected<Arguments> parse_arguments(const std::vector<std::string>& words) {
  auto split = Splitter(words).split();
  if (!split) return std::move(split).error();
  Arguments out;
  out.config = split->config;
  if (split->version) {
    out.command = Command::kVersion;
    return out;
  }
  auto& plain = split->plain;
  if (plain.empty() || split->help || plain.front() == "help") {
    if (!plain.empty() && plain.front() == "help") plain.erase(plain.begin());
    if (plain.empty() && !split->help && words.empty()) return Status::bad_request("a command is needed");
    if (!plain.empty()) out.topic = plain[0];
    if (plain.size() > 1 && is_group(plain[0])) out.topic += " " + plain[1];
    if (help_text(out.topic).empty()) return Status::bad_request("unknown command '" + out.topic + "'");
    return out;
  }
  const auto syntax = take_command(plain);
  if (!syntax) return syntax.error();
  if (plain.size() < (*syntax)->least || plain.size() > (*syntax)->most) {
    return Status::bad_request("usage: gantryctl " + usage_line(**syntax));
  }
  if (split->raw && (*syntax)->command != Command::kKubeconfig) {
    return Status::bad_request("unknown option --raw for '" + std::string((*syntax)->words) + "'");
  }
  if (!split->dir.empty() && (*syntax)->command != Command::kPluginNew) {
    return Status::bad_request("unknown option --dir for '" + std::string((*syntax)->words) + "'");
  }
  if (split->has_output) {
    const auto format = format_of(**syntax, split->output);
    if (!format) return format.error();
    out.format = *format;
  }
  out.command = (*syntax)->command;
  out.raw = split->raw;
  out.dir = std::move(split->dir);
  out.operands = std::move(plain);
  return out;
}

std::string help_text(std::string_view topic) {
  std::string list;
  for (const auto& syntax : kSyntax) {
    const bool wanted = topic.empty() || syntax.words == topic ||
                        (syntax.words.starts_with(topic) && syntax.words[topic.size()] == ' ');
    if (!wanted) continue;
    std::string line = usage_line(syntax);
    line.resize(std::max<size_t>(line.size() + 2, 24), ' ');
    list += "  " + line + std::string(syntax.what);
    if (!syntax.formats.empty()) list += " [-o " + std::string(syntax.formats) + "]";
    list += "\n";
  }
  if (list.empty()) return {};
  std::string out = "Usage: gantryctl [--config FILE] COMMAND\n\n";
  if (topic.empty()) out += "Asks the gantryd of this machine that runs with the same configuration.\n\n";
  out += "Commands\n" + list + "\nOptions\n";
  out +=
      "  -c, --config FILE       the daemon's configuration (default: /etc/gantry/gantry.toml if it exists)\n"
      "  -o, --output FORMAT     another form than the table\n";
  if (list.find("plugin new") != std::string::npos) {
    out += "      --dir DIR           the folder that 'plugin new' makes (default: the plugin's name)\n";
  }
  out +=
      "  -h, --help              this, or the help of a command\n"
      "      --version           print the version and exit\n";
  return out;
}

}  // namespace gantry::ctl
