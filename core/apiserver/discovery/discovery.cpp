// Answers discovery, OpenAPI and version requests from encoded documents. Thread-safe: what is not made by the
// constructor is made once, under its own mutex.
#include "core/apiserver/discovery/discovery.hpp"

#include <openssl/sha.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "core/apiserver/discovery/lists.hpp"
#include "core/apiserver/request/documents.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/negotiate.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/openapi/openapi.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kOpenApiV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

// Bytes of one document, kept for as long as somebody sends them.
struct Encoded {
  std::string bytes, type, etag;
};
using EncodedPtr = std::shared_ptr<const Encoded>;

EncodedPtr encoded(std::string bytes, std::string_view type) {
  auto out = std::make_shared<Encoded>();
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  constexpr char kHex[] = "0123456789ABCDEF";
  out->etag = "\"";
  for (const unsigned char byte : digest) {
    out->etag += kHex[byte >> 4];
    out->etag += kHex[byte & 15];
  }
  out->etag += '"';
  out->bytes = std::move(bytes);
  out->type = type;
  return out;
}

// A document that is expensive to make and often never asked for.
class Lazy {
 public:
  explicit Lazy(std::function<EncodedPtr()> make) : make_(std::move(make)) {}
  EncodedPtr peek() const { return made_.load(std::memory_order_acquire); }
  EncodedPtr get() {
    if (auto made = peek()) return made;
    std::lock_guard lock(mutex_);
    if (auto made = peek()) return made;
    auto made = make_();
    made_.store(made, std::memory_order_release);
    return made;
  }

 private:
  const std::function<EncodedPtr()> make_;
  std::mutex mutex_;
  std::atomic<EncodedPtr> made_;
};

// A list in the forms that plain discovery comes in.
struct Plain {
  EncodedPtr json, protobuf, yaml;
};

Plain plain_forms(const schema::Schema& schema, std::string_view message, const Json& document) {
  Plain out;
  out.json = encoded(list_json(document), content_type(schema::Media::kJson));
  out.yaml = encoded(schema::to_yaml(document), content_type(schema::Media::kYaml));
  const auto* type = schema.find_message(message);
  auto raw = type == nullptr ? Expected<std::string>(Status::internal("not in the schema"))
                             : schema::encode_protobuf(*type, document);
  if (!raw) return out;
  out.protobuf =
      encoded(schema::wrap_protobuf("v1", text_at(document, {"kind"}), *raw), content_type(schema::Media::kProtobuf));
  return out;
}

bool etag_matches(std::string_view header, std::string_view etag) {
  return header == "*" || header.find(etag) != std::string_view::npos;
}

void send(const http::Request& request, http::Exchange& exchange, const EncodedPtr& document,
          std::string_view cache_control, bool tagged) {
  http::Response response;
  response.content_type = document->type;
  response.headers.emplace_back("Cache-Control", cache_control);
  response.headers.emplace_back("Vary", "Accept");
  if (tagged) {
    response.headers.emplace_back("ETag", document->etag);
    if (etag_matches(request.header("if-none-match"), document->etag)) {
      response.code = 304;
      return exchange.respond(std::move(response));
    }
  }
  response.body.push_back({document->bytes, document});
  exchange.respond(std::move(response));
}

void send_error(http::Exchange& exchange, const Status& status) {
  http::Response response;
  response.code = status.code();
  if (status.code() == 405) response.headers.emplace_back("Allow", "GET, HEAD");
  response.body.push_back(http::make_chunk(status_json(status)));
  exchange.respond(std::move(response));
}

constexpr std::string_view kPrivate = "no-cache, private";
// What may be kept but has to be asked for again.
constexpr std::string_view kRevalidate = "public";

bool wants_openapi_protobuf(std::string_view accept) {
  return accept.find("application/com.github.proto-openapi.spec.v2") != std::string_view::npos;
}

// v3 documents come as JSON only.
bool refuses_json(std::string_view accept) {
  return !accept.empty() && accept.find("application/json") == std::string_view::npos &&
         accept.find("*/*") == std::string_view::npos && accept.find("application/*") == std::string_view::npos;
}

}  // namespace

struct Discovery::State : std::enable_shared_from_this<Discovery::State> {
  State(schema::SchemaPtr s, const Options& o) : held(std::move(s)), schema(*held), options(o) {}

  void build();
  bool owns(std::string_view path) const {
    return path == "/api" || path == "/version" || plain.contains(path) || openapi.contains(path);
  }
  void serve_plain(const http::Request& request, http::Exchange& exchange, const Plain& forms) const;
  void serve_lazy(const http::Request& request, const std::shared_ptr<http::Exchange>& exchange, Lazy& lazy,
                  std::string_view cache_control) const;
  bool serve_aggregated(const http::Request& request, http::Exchange& exchange, bool legacy) const;
  std::string_view v3_cache_control(const http::Request& request) const;

  const schema::SchemaPtr held;
  const schema::Schema& schema;
  const Options options;
  std::map<std::string, Plain, std::less<>> plain;
  std::map<std::string, std::unique_ptr<Lazy>, std::less<>> openapi;
  std::unique_ptr<Lazy> openapi_v2_protobuf;
  EncodedPtr aggregated[2][2];  // [is /api][is v2beta1]
  EncodedPtr version;
};

void Discovery::State::build() {
  const auto groups = group_resources(schema);
  plain["/apis"] = plain_forms(schema, std::string(kMetaV1) + "APIGroupList", group_list(groups));
  for (const auto& group : groups) {
    if (!group.name.empty()) {
      plain["/apis/" + group.name] =
          plain_forms(schema, std::string(kMetaV1) + "APIGroup", group_document(group, true));
    }
    for (const auto& [version_name, kinds] : group.versions) {
      const std::string path = (group.name.empty() ? "/api/" : "/apis/" + group.name + "/") + version_name;
      plain[path] =
          plain_forms(schema, std::string(kMetaV1) + "APIResourceList", resource_list(group.name, version_name, kinds));
      openapi["/openapi/v3" + path] = std::make_unique<Lazy>([this, name = group.name, version_name] {
        return encoded(schema::openapi_v3_json(schema, name, version_name, options.git_version), "application/json");
      });
    }
  }
  for (const bool legacy : {false, true}) {
    for (const bool beta : {false, true}) {
      const std::string version_name = beta ? "v2beta1" : "v2";
      aggregated[legacy][beta] =
          encoded(list_json(aggregated_list(groups, legacy, version_name)),
                  "application/json;g=apidiscovery.k8s.io;v=" + version_name + ";as=APIGroupDiscoveryList");
    }
  }
  version = encoded(version_json(options), "application/json");
  openapi["/openapi/v2"] = std::make_unique<Lazy>(
      [this] { return encoded(schema::openapi_v2_json(schema, options.git_version), "application/json"); });
  openapi["/openapi/v3"] =
      std::make_unique<Lazy>([this] { return encoded(schema::openapi_v3_index(schema), "application/json"); });
  openapi_v2_protobuf = std::make_unique<Lazy>(
      [this] { return encoded(schema::openapi_v2_protobuf(schema, options.git_version), kOpenApiV2); });
}

void Discovery::State::serve_plain(const http::Request& request, http::Exchange& exchange, const Plain& forms) const {
  const auto form = negotiate(request.header("accept"));
  if (!form) return send_error(exchange, form.error());
  auto document = forms.json;
  if (form->media == schema::Media::kProtobuf && forms.protobuf) document = forms.protobuf;
  if (form->media == schema::Media::kYaml) document = forms.yaml;
  send(request, exchange, document, kPrivate, false);
}

bool Discovery::State::serve_aggregated(const http::Request& request, http::Exchange& exchange, bool legacy) const {
  const auto wanted = aggregated_version(request.header("accept"));
  if (wanted.empty()) return false;
  send(request, exchange, aggregated[legacy][wanted == "v2beta1"], kRevalidate, true);
  return true;
}

// Making a document takes tens of milliseconds, so it is done on a worker.
void Discovery::State::serve_lazy(const http::Request& request, const std::shared_ptr<http::Exchange>& exchange,
                                  Lazy& lazy, std::string_view cache_control) const {
  if (auto made = lazy.peek()) return send(request, *exchange, made, cache_control, true);
  auto work = [self = shared_from_this(), &lazy, request, exchange, cache_control] {
    send(request, *exchange, lazy.get(), cache_control, true);
  };
  if (!options.post) return work();
  options.post(std::move(work));
}

// An address from the index, which names the content by its hash, is good for ever.
std::string_view Discovery::State::v3_cache_control(const http::Request& request) const {
  const auto index = openapi.at("/openapi/v3")->peek();
  if (!index || !request.query.starts_with("hash=")) return kRevalidate;
  const std::string address = "\"" + request.path + "?" + request.query + "\"";
  return index->bytes.find(address) == std::string::npos ? kRevalidate : "public, immutable, max-age=31536000";
}

Discovery::Discovery(const schema::Registry& schemas, const Options& options)
    : schemas_(schemas), options_(std::make_unique<const Options>(options)) {
  current();
}

Discovery::~Discovery() = default;

std::shared_ptr<Discovery::State> Discovery::current() const {
  const auto fresh = [this](const std::shared_ptr<State>& known) {
    return known != nullptr && known->schema.generation() == schemas_.generation();
  };
  if (auto known = state_.load(std::memory_order_acquire); fresh(known)) return known;
  const std::lock_guard lock(mutex_);
  if (auto known = state_.load(std::memory_order_acquire); fresh(known)) return known;
  auto next = std::make_shared<State>(schemas_.now(), *options_);
  next->build();
  state_.store(next, std::memory_order_release);
  return next;
}

bool Discovery::owns(std::string_view path) const {
  if (path.ends_with('/')) path.remove_suffix(1);
  return current()->owns(path);
}

bool Discovery::handle(const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) const {
  std::string_view path = request.path;
  if (path.ends_with('/')) path.remove_suffix(1);
  const auto state = current();
  if (!state->owns(path)) return false;
  if (request.method != "GET" && request.method != "HEAD") {
    send_error(*exchange,
               Status::method_not_allowed("the server does not allow this method on the requested resource"));
    return true;
  }
  if (path == "/version") {
    send(request, *exchange, state->version, kPrivate, false);
    return true;
  }
  if ((path == "/api" || path == "/apis") && state->serve_aggregated(request, *exchange, path == "/api")) return true;
  if (path == "/api") {
    // Tells the address that the client used: the server itself does not know by which it can be reached.
    const Json versions = legacy_versions(request.header("host"));
    state->serve_plain(request, *exchange, plain_forms(state->schema, std::string(kMetaV1) + "APIVersions", versions));
    return true;
  }
  if (const auto at = state->plain.find(path); at != state->plain.end()) {
    state->serve_plain(request, *exchange, at->second);
    return true;
  }
  auto* lazy = state->openapi.find(path)->second.get();
  if (path == "/openapi/v2" && wants_openapi_protobuf(request.header("accept"))) {
    lazy = state->openapi_v2_protobuf.get();
  }
  if (path != "/openapi/v2" && refuses_json(request.header("accept"))) {
    send_error(*exchange, Status::not_acceptable("only the following media types are accepted: application/json"));
    return true;
  }
  const bool v3_document = path.starts_with("/openapi/v3/");
  state->serve_lazy(request, exchange, *lazy, v3_document ? state->v3_cache_control(request) : kRevalidate);
  return true;
}

}  // namespace gantry::apiserver
