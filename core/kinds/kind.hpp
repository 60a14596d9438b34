// What a kind's file is written with. Each file of a group's folder defines one behaviour
// (core/schema/tree/behavior.hpp), named GROUP_KIND after the folder and the file; the build makes the table of them
// all (kinds.hpp).
#pragma once

#include "core/kinds/table.hpp"
#include "core/schema/rules/field_errors.hpp"
#include "core/schema/rules/validation.hpp"
#include "core/schema/rules/warnings.hpp"
#include "core/schema/table/table_cells.hpp"
#include "core/schema/tree/behavior.hpp"
#include "core/schema/values/json_access.hpp"
#include "core/schema/values/same_json.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::kinds {

using schema::At;
using schema::Behavior;
using schema::Errors;
using schema::Json;
using schema::JsonArray;
using schema::JsonObject;
using schema::Warnings;

using schema::each;
using schema::ensure_object;
using schema::format_problems;
using schema::get;
using schema::get_array;
using schema::get_flag;
using schema::get_number;
using schema::get_object;
using schema::get_text;
using schema::has_items;
using schema::object_at;
using schema::same_json;
using schema::take_key;

}  // namespace gantry::kinds
