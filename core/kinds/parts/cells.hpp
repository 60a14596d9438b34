// Cells of printer columns that several kinds have, and the readers that cells are written with. Pure, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

using schema::cells::at;
using schema::cells::list_at;
using schema::cells::NamedCell;
using schema::cells::number_at;
using schema::cells::put;
using schema::cells::put_or;
using schema::cells::Row;
using schema::cells::since;
using schema::cells::text_at;

// Of the pod template, wherever the kind keeps it (spec.template, spec.jobTemplate, or PodTemplate's own).
void container_names(Row& row, std::string& out);
void container_images(Row& row, std::string& out);
// spec.selector: one of labels and expressions, or a plain map as Services have it.
void selector(Row& row, std::string& out);
void put_selector(const Json* selector, std::string& out);
// How many members the object or list at a path has.
size_t members_at(const Row& row, std::string_view path);

}  // namespace gantry::kinds
