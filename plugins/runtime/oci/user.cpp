#include "user.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace gantry::oci {
namespace {

using Row = std::vector<std::string>;

// The lines of a ':'-separated file of the image; none when it is missing, huge or no plain file.
std::vector<Row> table(const fs::path& rootfs, const std::string& path) {
  std::vector<Row> rows;
  const auto fd = open_in_root(rootfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (!fd || ::fstat(fd->get(), &info) < 0 || !S_ISREG(info.st_mode)) return rows;
  const auto text = read_file("/proc/self/fd/" + std::to_string(fd->get()), 4u << 20);
  if (!text) return rows;
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    Row row;
    std::istringstream fields(line);
    std::string field;
    while (std::getline(fields, field, ':')) row.push_back(field);
    if (row.size() >= 3) rows.push_back(std::move(row));
  }
  return rows;
}

bool number(const std::string& text, int64_t& value) {
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end && !text.empty() && value >= 0;
}

const Row* find(const std::vector<Row>& rows, size_t column, const std::string& value) {
  const auto it =
      std::ranges::find_if(rows, [&](const Row& row) { return row.size() > column && row[column] == value; });
  return it == rows.end() ? nullptr : &*it;
}

// A user by name or number; an unknown number has group 0 and no name.
Status look_up(const std::vector<Row>& passwd, const std::string& user, bool must_exist, User& out, std::string& name) {
  const auto* row = find(passwd, 0, user);
  int64_t id = 0;
  if (row == nullptr && number(user, id)) row = find(passwd, 2, user);
  if (row == nullptr) {
    if (must_exist || !number(user, id)) {
      return Status::bad_request("unable to find user " + user + ": no matching entries in passwd file");
    }
    out.uid = id;
    return {};
  }
  name = (*row)[0];
  if (!number((*row)[2], out.uid)) return Status::bad_request("passwd file: user " + user + " has no valid id");
  if (row->size() > 3) number((*row)[3], out.gid);
  return {};
}

Status look_up_group(const std::vector<Row>& groups, const std::string& group, User& out) {
  const auto* row = find(groups, 0, group);
  if (number(row == nullptr ? group : (*row)[2], out.gid)) return {};
  return Status::bad_request("unable to find group " + group + ": no matching entries in group file");
}

}  // namespace

Expected<User> resolve_user(const fs::path& rootfs, const cri::LinuxContainerSecurityContext& context,
                            const std::string& image_user) {
  if (context.has_run_as_group() && !context.has_run_as_user() && context.run_as_username().empty()) {
    return Status::bad_request("run_as_group needs run_as_user or run_as_username");
  }
  const auto passwd = table(rootfs, "/etc/passwd");
  const auto group = table(rootfs, "/etc/group");
  User user;
  std::string name;
  Status status;
  if (context.has_run_as_user()) {
    status = look_up(passwd, std::to_string(context.run_as_user().value()), false, user, name);
  } else if (!context.run_as_username().empty()) {
    status = look_up(passwd, context.run_as_username(), true, user, name);
  } else if (!image_user.empty()) {
    const auto colon = image_user.find(':');
    status = look_up(passwd, image_user.substr(0, colon), false, user, name);
    if (status.ok() && colon != std::string::npos) status = look_up_group(group, image_user.substr(colon + 1), user);
  } else {
    status = look_up(passwd, "0", false, user, name);
  }
  if (!status.ok()) return status;
  if (context.has_run_as_group()) user.gid = context.run_as_group().value();

  user.groups = {user.gid};
  const auto add = [&](int64_t gid) {
    if (std::ranges::find(user.groups, gid) == user.groups.end()) user.groups.push_back(gid);
  };
  if (context.supplemental_groups_policy() == cri::Merge && !name.empty()) {
    for (const auto& row : group) {
      int64_t gid = 0;
      if (row.size() < 4 || !number(row[2], gid)) continue;
      std::istringstream members(row[3]);
      std::string one;
      while (std::getline(members, one, ',')) {
        if (one == name) add(gid);
      }
    }
  }
  for (const auto gid : context.supplemental_groups()) add(gid);
  return user;
}

}  // namespace gantry::oci
