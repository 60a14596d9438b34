// Label and field selectors: the query language of list and watch, and what of an object it looks at.
// Called by the API server (queries), the store's readers (matching) and controllers (metav1.LabelSelector); any
// thread.
#include "core/schema/selector/selector.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <set>
#include <utility>

#include "core/schema/selector/selector_parse.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

using Object = boost::json::object;
using Op = LabelSelector::Op;
using Requirement = LabelSelector::Requirement;

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

std::string text_of(const Json* value, const Field* field) {
  if (value != nullptr) {
    if (value->is_string()) return std::string(view(value->get_string()));
    if (value->is_bool()) return value->get_bool() ? "true" : "false";
    if (value->is_int64()) return std::to_string(value->get_int64());
    if (value->is_uint64()) return std::to_string(value->get_uint64());
    if (value->is_object()) return text_of(value->get_object().if_contains("component"), nullptr);
  }
  if (field == nullptr || field->repeated || field->map) return {};
  if (field->type == FieldType::kBool) return "false";
  if (field->type == FieldType::kInt32 || field->type == FieldType::kInt64) return "0";
  return {};
}

// The value a dotted path leads to, as a selector sees it; the tree tells what absence means.
std::string selectable(const Kind& kind, const Json& document, std::string_view path) {
  for (const Alias& alias : kind.behavior->aliases) path = path == alias.name ? alias.path : path;
  const Json* value = &document;
  const Message* message = kind.message;
  const Field* field = nullptr;
  while (!path.empty()) {
    size_t dot = std::min(path.find('.'), path.size());
    std::string_view key = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    field = message == nullptr ? nullptr : message->find(key);
    message = field == nullptr ? nullptr : field->message;
    const Object* object = value == nullptr ? nullptr : value->if_object();
    value = object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
  }
  return text_of(value, field);
}

std::string_view member_view(const Object& object, const char* key) {
  const Json* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? view(value->get_string()) : std::string_view();
}
std::string member_text(const Object& object, const char* key) { return std::string(member_view(object, key)); }

bool unescape(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) return false;
      if (text[i] != '\\' && text[i] != ',' && text[i] != '=') return false;
    } else if (text[i] == ',' || text[i] == '=') {
      return false;
    }
    out.push_back(text[i]);
  }
  return true;
}

std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  if (start <= text.size()) out.push_back(text.substr(start));
  return out;
}

}  // namespace

std::optional<std::string_view> Attributes::label(std::string_view key) const {
  size_t low = 0;
  for (size_t high = labels(); low < high;) {
    const size_t middle = low + (high - low) / 2;
    if (label_at(middle).first < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == labels() || label_at(low).first != key) return std::nullopt;
  return label_at(low).second;
}

std::optional<std::string_view> Attributes::field(std::string_view path) const {
  if (path == "metadata.name") return name();
  if (path == "metadata.namespace") return ns();
  if (paths_ == nullptr) return std::nullopt;
  const auto found = std::lower_bound(paths_->begin(), paths_->end(), path);
  if (found == paths_->end() || *found != path) return std::nullopt;
  return part(2 + static_cast<size_t>(found - paths_->begin()));
}

Attributes attributes_of(const Kind& kind, const Json& document) {
  Attributes out;
  const Object* object = document.if_object();
  if (object == nullptr) return out;
  out.paths_ = kind.selectable_paths;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::string text;
  std::vector<uint32_t> ends;
  ends.reserve(out.first_label());
  const auto add = [&](std::string_view part) {
    text += part;
    ends.push_back(static_cast<uint32_t>(text.size()));
  };
  const Json* metadata = object->if_contains("metadata");
  const Object* meta = metadata == nullptr ? nullptr : metadata->if_object();
  add(meta == nullptr ? std::string_view() : member_view(*meta, "name"));
  add(meta == nullptr ? std::string_view() : member_view(*meta, "namespace"));
  for (size_t i = 2; i < out.first_label(); ++i) add(selectable(kind, document, (*out.paths_)[i - 2]));
  const Json* given = meta == nullptr ? nullptr : meta->if_contains("labels");
  if (given != nullptr && given->is_object()) {
    for (const auto& [key, value] : given->get_object()) {
      if (value.is_string()) labels.emplace_back(view(key), view(value.get_string()));
    }
  }
  std::sort(labels.begin(), labels.end());
  for (const auto& [key, value] : labels) {
    add(key);
    add(value);
  }
  out.text_.assign(text);  // exactly as long as needed, as it stays
  out.ends_.assign(ends.begin(), ends.end());
  return out;
}

Expected<LabelSelector> LabelSelector::parse(std::string_view text) {
  auto requirements = parse_requirements(text);
  if (!requirements) return std::move(requirements).error();
  LabelSelector out;
  out.requirements_ = *std::move(requirements);
  out.settle();
  return out;
}

namespace {

Status read_expression(const Json& expression, Requirement& out) {
  const Object* object = expression.if_object();
  if (object == nullptr) return Status::bad_request("matchExpressions: not an object");
  out.key = member_text(*object, "key");
  std::string op = member_text(*object, "operator");
  if (op == "In") {
    out.op = Op::kIn;
  } else if (op == "NotIn") {
    out.op = Op::kNotIn;
  } else if (op == "Exists") {
    out.op = Op::kExists;
  } else if (op == "DoesNotExist") {
    out.op = Op::kNotExists;
  } else {
    return Status::bad_request(quoted(cut(op, kShown)) + " is not a valid label selector operator");
  }
  const Json* values = object->if_contains("values");
  if (values != nullptr && values->is_array()) {
    std::set<std::string> set;
    for (const Json& value : values->get_array()) {
      if (value.is_string()) set.emplace(view(value.get_string()));
    }
    out.values.assign(set.begin(), set.end());
  }
  return check_requirement(out);
}

}  // namespace

Expected<LabelSelector> LabelSelector::from_document(const Json& selector) {
  if (const Object* object = selector.if_object()) return from_document(*object);
  LabelSelector out;
  out.nothing_ = true;
  return out;
}

Expected<LabelSelector> LabelSelector::from_document(const Object& selector) {
  LabelSelector out;
  const Json* labels = selector.if_contains("matchLabels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      Requirement requirement;
      requirement.key = view(key);
      requirement.op = Op::kIn;
      requirement.values.emplace_back(value.is_string() ? view(value.get_string()) : "");
      if (Status status = check_requirement(requirement); !status.ok()) return status;
      out.requirements_.push_back(std::move(requirement));
    }
  }
  const Json* expressions = selector.if_contains("matchExpressions");
  if (expressions != nullptr && expressions->is_array()) {
    for (const Json& expression : expressions->get_array()) {
      Requirement requirement;
      if (Status status = read_expression(expression, requirement); !status.ok()) return status;
      out.requirements_.push_back(std::move(requirement));
    }
  }
  out.settle();
  return out;
}

std::string LabelSelector::to_string() const {
  std::string out;
  for (const Requirement& requirement : requirements_) {
    if (!out.empty()) out += ",";
    if (requirement.op == Op::kNotExists) out += "!";
    out += requirement.key;
    bool negative = requirement.op == Op::kNotIn;
    if (requirement.op == Op::kGreater || requirement.op == Op::kLess) {
      out += (requirement.op == Op::kGreater ? ">" : "<") + requirement.values.front();
    } else if (requirement.values.size() == 1) {
      out += (negative ? "!=" : "=") + requirement.values.front();
    } else if (!requirement.values.empty()) {
      out += negative ? " notin (" : " in (";
      for (const std::string& value : requirement.values) {
        if (&value != &requirement.values.front()) out += ",";
        out += value;
      }
      out += ")";
    }
  }
  return out;
}

Expected<FieldSelector> FieldSelector::parse(const Kind& kind, std::string_view text) {
  FieldSelector out;
  for (std::string_view term : split_terms(text)) {
    if (term.empty()) continue;
    size_t at = 0;
    std::string_view op;
    for (; at < term.size() && op.empty(); ++at) {
      for (std::string_view known : {"!=", "==", "="}) {
        if (term.substr(at).starts_with(known)) {
          op = known;
          break;
        }
      }
    }
    if (op.empty()) {
      return Status::bad_request("invalid selector: '" + cut(text, kShown) + "'; can't understand '" +
                                 cut(term, kShown) + "'");
    }
    Term parsed;
    parsed.field = term.substr(0, at - 1);
    parsed.equal = op != "!=";
    std::string_view value = term.substr(at - 1 + op.size());
    if (!unescape(value, parsed.value)) {
      return Status::bad_request("invalid field selector: invalid value: '" + cut(value, kShown) + "'");
    }
    const auto& known = kind.selectable_fields;
    bool metadata = parsed.field == "metadata.name" || parsed.field == "metadata.namespace";
    if (!metadata && std::find(known.begin(), known.end(), parsed.field) == known.end()) {
      // Kinds without selectable fields of their own answer in other words.
      if (known.empty()) {
        return Status::bad_request(quoted(cut(parsed.field, kShown)) +
                                   " is not a known field selector: only \"metadata.name\", "
                                   "\"metadata.namespace\"");
      }
      return Status::bad_request("field label not supported: " + cut(parsed.field, kShown));
    }
    out.terms_.push_back(std::move(parsed));
  }
  out.settle();
  return out;
}

const std::string* FieldSelector::exact(std::string_view field) const {
  for (const Term& term : terms_) {
    if (term.equal && term.field == field) return &term.value;
  }
  return nullptr;
}

}  // namespace gantry::schema
