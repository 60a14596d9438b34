// Asks an API server of its own for what its input says, and prints the answers: each line is a method, a path and a
// body, each answer a code and a body. One thread of its own besides the server's.
#include <stdlib.h>

#include <filesystem>
#include <iostream>
#include <sstream>

#include "core/apiserver/fake_exchange.hpp"
#include "core/apiserver/server.hpp"
#include "core/kinds/kinds.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::apiserver {
namespace {

int fail(const Status& status) {
  std::cerr << status.message() << "\n";
  return 1;
}

void ask(ApiServer& server, const std::string& line) {
  std::istringstream in(line);
  http::Request request;
  in >> request.method >> request.path >> std::ws;
  std::getline(in, request.body);
  if (const auto question = request.path.find('?'); question != std::string::npos) {
    request.query = request.path.substr(question + 1);
    request.path.resize(question);
  }
  request.headers.emplace_back("content-type", "application/json");
  if (request.query == "as=Table") {
    request.query.clear();
    request.headers.emplace_back("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
  }
  request.identity = {"probe", {"system:authenticated"}, {}};
  auto exchange = std::make_shared<FakeExchange>();
  server.handle(std::move(request), exchange);
  if (!exchange->wait_answer()) std::exit(1);
  std::cout << exchange->code() << " " << exchange->body() << "\n";
}

int serve(const std::string& folder) {
  auto schemas = schema::Registry::create(kinds::all());
  if (!schemas) return fail(schemas.error());
  store::SqliteOptions how;
  how.path = folder + "/store.db";
  auto store = store::open_sqlite(how);
  if (!store) return fail(store.error());
  auto server = ApiServer::create(**schemas, **store, Options());
  if (!server) return fail(server.error());
  for (std::string line; std::getline(std::cin, line);) ask(**server, line);
  (*server)->stop();
  return 0;
}

}  // namespace
}  // namespace gantry::apiserver

int main() {
  char folder[] = "/tmp/gantry-probe-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return 1;
  const int code = gantry::apiserver::serve(folder);
  std::filesystem::remove_all(folder);
  return code;
}
