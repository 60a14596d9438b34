// Tokens from a file, subjects from certificates.
#include "core/auth/authenticator.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <fstream>

#include "core/files/regular.hpp"

namespace gantry::auth {
namespace {

constexpr std::string_view kAuthenticated = "system:authenticated";

std::string_view trim(std::string_view text) {
  auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// One csv record; quotes group, doubled quotes are one.
std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += line[++i];
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (auto& field : fields) field = std::string(trim(field));
  return fields;
}

std::vector<std::string> split_groups(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    size_t comma = text.find(',');
    if (auto group = trim(text.substr(0, comma)); !group.empty()) groups.emplace_back(group);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return groups;
}

void add_authenticated(http::Identity& identity) {
  auto& groups = identity.groups;
  if (std::find(groups.begin(), groups.end(), kAuthenticated) == groups.end()) {
    groups.emplace_back(kAuthenticated);
  }
}

// The token of "Bearer x"; empty when the header is something else.
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(authorization[i])) != kScheme[i]) return {};
  }
  return trim(authorization.substr(kScheme.size()));
}

// What is wrong with a certificate; nothing when it is good.
std::string fault_of(const http::PeerCertificate& peer) {
  if (!peer.problem.empty()) return "its certificate for \"" + peer.common_name + "\" is not good: " + peer.problem;
  if (peer.common_name.empty()) return "its certificate names nobody";
  if (peer.not_after < static_cast<int64_t>(std::time(nullptr))) {
    return "its certificate for \"" + peer.common_name + "\" has expired";
  }
  return {};
}

}  // namespace

Expected<std::shared_ptr<Authenticator>> Authenticator::create(const Options& options) {
  std::shared_ptr<Authenticator> result(new Authenticator());
  if (!options.token_file.empty()) {
    if (Status status = result->load_tokens(options.token_file); !status.ok()) return status;
  }
  return result;
}

Status Authenticator::load_tokens(const std::string& file) {
  if (Status status = files::regular_if_there(file); !status.ok()) return status;
  std::ifstream in(file);
  if (!in) return Status::internal(file + ": cannot be read");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (trim(line).empty() || trim(line).front() == '#') continue;
    auto fields = split_csv(line);
    if (fields.size() < 3 || fields[0].empty() || fields[1].empty()) {
      return Status::internal(file + ":" + std::to_string(number) + ": expected token,user,uid[,\"group1,group2\"]");
    }
    http::Identity identity;
    identity.user = fields[1];
    identity.uid = fields[2];
    if (fields.size() > 3) identity.groups = split_groups(fields[3]);
    add_authenticated(identity);
    Digest digest;
    SHA256(reinterpret_cast<const unsigned char*>(fields[0].data()), fields[0].size(), digest.data());
    tokens_[digest] = std::move(identity);
  }
  if (in.bad()) return Status::internal(file + ": cannot be read");
  return {};
}

const http::Identity* Authenticator::find_token(std::string_view token) const {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  auto it = tokens_.lower_bound(digest);
  if (it == tokens_.end()) return nullptr;
  return CRYPTO_memcmp(it->first.data(), digest.data(), digest.size()) == 0 ? &it->second : nullptr;
}

Expected<http::Identity> Authenticator::authenticate(const http::PeerCertificate& peer, std::string_view authorization,
                                                     std::string* why) const {
  std::string refused;
  if (peer.present) {
    refused = fault_of(peer);
    if (refused.empty()) {
      http::Identity identity{peer.common_name, peer.organizations, {}};
      add_authenticated(identity);
      return identity;
    }
  }
  if (auto token = bearer(authorization); !token.empty()) {
    if (const http::Identity* identity = find_token(token)) return *identity;
    refused += (refused.empty() ? "" : ", and ") + std::string("its token is not known");
  }
  if (!refused.empty()) {
    if (why != nullptr) *why = std::move(refused);
    return Status::unauthorized("Unauthorized");
  }
  return http::Identity{"system:anonymous", {"system:unauthenticated"}, {}, {}};
}

http::Identity local_admin() { return {"system:admin", {"system:masters", std::string(kAuthenticated)}, {}}; }

}  // namespace gantry::auth
