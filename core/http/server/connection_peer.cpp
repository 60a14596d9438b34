// Who the peer is, what he holds in bytes, and when he makes room for others.
#include <netdb.h>
#include <sys/socket.h>

#include "core/http/server/connection.hpp"
#include "core/limits/notices.hpp"
#include "gantry/abi/log.h"

namespace gantry::http {

void ServerCore::open_accounts(const ServerOptions& from) {
  const auto all = std::make_shared<limits::Account>(from.memory);
  const size_t admins = from.memory / 16;
  local = std::make_shared<limits::Account>(admins, all);
  known = std::make_shared<limits::Account>(from.memory - admins, all);
  strangers = std::make_shared<limits::Account>(from.anonymous_memory, known);
}

void ServerCore::tell(std::string_view topic, std::string_view text) const {
  if (options.notices != nullptr) options.notices->tell(topic, "api", GANTRY_LOG_WARN, text);
}

Expected<http::Identity> Connection::identify(const http::Request& request) {
  if (local_) return options().local;
  if (!options().authenticator) return http::Identity{"system:anonymous", {"system:unauthenticated"}, {}, {}};
  std::string why;
  auto identity = options().authenticator->authenticate(peer_, request.header("authorization"), &why);
  if (!identity) core_->tell("credentials-refused", "a request of " + peer_name() + " is refused: " + why);
  if (identity && !identity->anonymous()) become_known();
  return identity;
}

void Connection::open_account(const std::shared_ptr<limits::Account>& above) {
  account_ = std::make_shared<limits::Account>(options().connection_memory, above);
  limits::Charge held(account_);
  held.add(held_.bytes());
  held_ = std::move(held);
}

void Connection::recognize() {
  peer_ = peer_certificate(socket_.tls());
  if (!options().authenticator) return;
  const auto identity = options().authenticator->authenticate(peer_, {});
  if (identity && !identity->anonymous()) become_known();
}

// What he holds counts among those of known peers from here on, and he gives way to nobody.
void Connection::become_known() {
  if (!stranger_) return;
  leave_strangers();
  open_account(core_->known);
}

void Connection::leave_strangers() {
  if (std::exchange(stranger_, false)) core_->crowd.leave(place_);
}

void Connection::make_way() {
  if (stranger_ || idle_) close();
  auto& others = local_ ? core_->visitors : core_->crowd;
  others.gone();
  if (!local_ || idle_) return;
  // He stays, and has his place again.
  others.admit();
  others.enter(place_);
}

// Whether a peer who came by the unix socket has no request under way.
void Connection::set_idle(bool idle) {
  if (!local_) return;
  idle_ = idle;
  idle ? core_->visitors.wait(place_, weak_from_this()) : core_->visitors.serve(place_);
}

bool Connection::recount() {
  const size_t bytes = received();
  return bytes > held_.bytes() ? hold(bytes - held_.bytes()) : held_.resize(bytes);
}

std::string Connection::peer_name() const {
  if (local_) return "the unix socket";
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getpeername(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "a peer";
  }
  const bool v6 = address.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + port;
}

void Connection::tell_refusal(const Status& status) const {
  switch (status.code()) {
    case 413:
    case 431:
      return core_->tell("requests-oversized", "a request of " + peer_name() + " is refused: " + status.message());
    case 429:
      return core_->tell("memory-full", "a request of " + peer_name() + " is refused: " + status.message() +
                                            " ([limits] memory_mib, anonymous_memory_mib, connection_memory_mib)");
    default:
      return;
  }
}

}  // namespace gantry::http
