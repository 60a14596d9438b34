// The daemon's JSON as a person reads it: tables like kubectl's. Pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "core/daemon/ctl/arguments.hpp"
#include "core/plugin/instance.hpp"

namespace gantry::ctl {

// Columns as wide as their widest cell, three spaces between them, no spaces at a line's end.
std::string table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows);
std::string human_size(int64_t bytes);        // "4.2MB"
std::string human_duration(int64_t seconds);  // "5m12s", as kubectl's ages

std::string render_status(const boost::json::value& status);
std::string render_images(const boost::json::value& answer, Format format);
std::string render_plugins(const boost::json::value& answer, Format format);
// The plugin's own entry of the list, or null.
const boost::json::value* find_plugin(const boost::json::value& answer, const std::string& name);
std::string render_plugin(const boost::json::value& plugin);
// " (version 1.2, calls waited for 31us)": what is to be said of a plugin that was just reloaded.
std::string render_reload(const boost::json::value& plugin);
std::string render_clock(const boost::json::value& state);
std::string render_image(const plugin::ImageInfo& image);

}  // namespace gantry::ctl
