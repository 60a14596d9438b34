// Owns the reading of the tables of functions, and the table of them all. Any thread.
#include "core/cel/functions.hpp"

#include <utility>

namespace gantry::cel {
namespace {

std::string_view cut(std::string_view& rest, std::string_view mark) {
  const size_t at = rest.find(mark);
  const std::string_view out = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + mark.size());
  return out;
}

// "(int, list(A))" up to its end, which is cut off.
std::vector<TypePtr> cut_args(std::string_view& rest) {
  size_t depth = 0, end = 0;
  do {
    depth += rest[end] == '(' ? 1U : 0U;
    depth -= rest[end] == ')' ? 1U : 0U;
    ++end;
  } while (depth > 0);
  const std::string_view args = rest.substr(0, end);
  rest = rest.substr(end + 1);
  if (args == "()") return {};
  return read_type("args" + std::string(args))->params();
}

void add_line(std::string_view line, Functions& to) {
  std::string_view names = cut(line, " ");
  Overload overload{false, {}, nullptr};
  if (line[0] != '(') {
    const size_t dot = line.find(".(");
    overload.receiver = true;
    overload.args.push_back(read_type(line.substr(0, dot)));
    line.remove_prefix(dot + 1);
  }
  for (TypePtr& arg : cut_args(line)) overload.args.push_back(std::move(arg));
  overload.result = read_type(line);
  while (!names.empty()) {
    // Operators may have bars in them.
    const std::string_view name = names == "_||_" ? std::exchange(names, {}) : cut(names, "|");
    to[std::string(name)].push_back(overload);
  }
}

}  // namespace

void add_functions(std::string_view lines, Functions& to) {
  while (!lines.empty()) {
    const std::string_view line = cut(lines, "\n");
    if (!line.empty()) add_line(line, to);
  }
}

const Functions& known_functions() {
  static const Functions kAll = [] {
    Functions out;
    for (std::string_view table : {kStandardFunctions, kExtensionFunctions, kKubernetesFunctions}) {
      add_functions(table, out);
    }
    return out;
  }();
  return kAll;
}

}  // namespace gantry::cel
