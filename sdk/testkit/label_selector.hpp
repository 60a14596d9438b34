// Label selectors as text ("app=web,tier in (a,b),!old"), for the caches of a ScriptedHost: what the daemon's caches
// understand, less the checks of names. Pure.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::testkit {

class LabelSelector {
 public:
  using Labels = std::map<std::string, std::string>;

  static Expected<LabelSelector> parse(std::string_view text) {
    LabelSelector selector;
    while (!(text = trimmed(text)).empty()) {
      // A comma inside of parentheses belongs to the requirement.
      const size_t open = text.find('('), close = text.find(')'), comma = text.find(',');
      size_t end = comma;
      if (open < comma) {
        if (close == text.npos) return invalid(text);
        end = text.find(',', close);
      }
      auto one = requirement(trimmed(text.substr(0, end)));
      if (!one) return std::move(one).error();
      selector.all_.push_back(std::move(*one));
      text = end == text.npos ? std::string_view() : text.substr(end + 1);
    }
    return selector;
  }

  bool matches(const Labels& labels) const {
    return std::all_of(all_.begin(), all_.end(), [&](const Requirement& one) {
      const auto found = labels.find(one.key);
      const bool present = found != labels.end();
      if (one.exists) return present != one.negated;
      const bool listed = present && std::find(one.values.begin(), one.values.end(), found->second) != one.values.end();
      return listed != one.negated;
    });
  }

 private:
  struct Requirement {
    std::string key;
    std::vector<std::string> values;
    bool exists = false, negated = false;
  };

  static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  }
  static Status invalid(std::string_view text) {
    return Status::bad_request("unable to parse the label selector at \"" + std::string(text) + "\"");
  }

  static Expected<Requirement> requirement(std::string_view text) {
    Requirement one;
    if (text.empty()) return invalid(text);
    if (text.front() == '!') return key_alone(trimmed(text.substr(1)), true);
    if (const size_t open = text.find('('); open != text.npos) {
      if (text.back() != ')') return invalid(text);
      const auto head = trimmed(text.substr(0, open));
      const size_t blank = head.rfind(' ');
      const auto word = blank == head.npos ? std::string_view() : head.substr(blank + 1);
      if (word != "in" && word != "notin") return invalid(text);
      one.key = trimmed(head.substr(0, blank));
      one.negated = word == "notin";
      for (auto list = text.substr(open + 1, text.size() - open - 2);;) {
        const size_t comma = list.find(',');
        one.values.emplace_back(trimmed(list.substr(0, comma)));
        if (comma == list.npos) break;
        list = list.substr(comma + 1);
      }
      return one.key.empty() ? Expected<Requirement>(invalid(text)) : one;
    }
    const size_t equals = text.find('=');
    if (equals == text.npos) return key_alone(text, false);
    one.negated = equals > 0 && text[equals - 1] == '!';
    one.key = trimmed(text.substr(0, one.negated ? equals - 1 : equals));
    auto value = text.substr(equals + 1);
    if (!value.empty() && value.front() == '=') value.remove_prefix(1);
    one.values.emplace_back(trimmed(value));
    return one.key.empty() ? Expected<Requirement>(invalid(text)) : one;
  }
  static Expected<Requirement> key_alone(std::string_view key, bool negated) {
    if (key.empty() || key.find(' ') != key.npos) return invalid(key);
    return Requirement{std::string(key), {}, true, negated};
  }

  std::vector<Requirement> all_;
};

}  // namespace gantry::testkit
