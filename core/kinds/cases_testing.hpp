// For tests of kinds by tables: what is wrong with patches of an object that is good, and what is shown of it.
#pragma once

#include <boost/json/serialize.hpp>

#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds {

struct Case {
  std::string patch;
  Problems wrong;  // "..." at an end stands for whatever follows
};

inline bool is_as_said(const std::string& problem, std::string_view said) {
  if (!said.ends_with("...")) return problem == said;
  return std::string_view(problem).starts_with(said.substr(0, said.size() - 3));
}

inline void expect_lines(const Problems& found, const Case& wanted) {
  bool same = found.size() == wanted.wrong.size();
  for (size_t i = 0; same && i < found.size(); ++i) same = is_as_said(found[i], wanted.wrong[i]);
  EXPECT_TRUE(same) << wanted.patch << "\nis " << ::testing::PrintToString(found) << "\nnot "
                    << ::testing::PrintToString(wanted.wrong);
}

inline void expect_problems(const Kind& what, std::string_view good, const std::vector<Case>& cases) {
  EXPECT_THAT(lines(validate(what, made(what, good))), ::testing::IsEmpty()) << good;
  for (const Case& one : cases) expect_lines(lines(validate(what, made(what, good, one.patch))), one);
}

// Of an update of the good one to what the patch makes of it.
inline void expect_update_problems(const Kind& what, std::string_view good, const std::vector<Case>& cases) {
  const Json old = made(what, good);
  for (const Case& one : cases) expect_lines(lines(validate(what, made(what, good, one.patch), &old)), one);
}

// With its defaults, as it is answered.
inline std::string answered(const Kind& what, std::string_view base, std::string_view patch = "{}") {
  return schema::encode_json(*what.message, made(what, base, patch));
}

// The cells of its row but for the age, "[...]".
inline std::string cells(const Kind& what, std::string_view base, std::string_view patch = "{}") {
  const Json row = parsed(table_row_json(what, made(what, base, patch), "{}", schema::IncludeObject::kNone, 0));
  Json cells = row.at("cells");
  if (!cells.as_array().empty() && what.columns.back().name == "Age") cells.as_array().pop_back();
  return boost::json::serialize(cells);
}

}  // namespace gantry::kinds
