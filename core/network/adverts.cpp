#include "core/network/adverts.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>

#include "core/network/retry.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::network {
namespace {

constexpr int64_t kPauseMs = 1'000;
constexpr size_t kMostBytes = 64 << 10;

std::string patch(const Advert& wanted, const Advert& there) {
  std::string changes;
  const auto add = [&](const std::string& name, const std::string* value) {
    if (!changes.empty()) changes += ',';
    schema::append_json_string(changes, std::string(kAdvertPrefix) + name);
    changes += ':';
    if (value == nullptr)
      changes += "null";
    else
      schema::append_json_string(changes, *value);
  };
  for (const auto& [name, value] : wanted) {
    if (const auto it = there.find(name); it == there.end() || it->second != value) add(name, &value);
  }
  for (const auto& [name, value] : there) {
    if (!wanted.contains(name)) add(name, nullptr);
  }
  return changes.empty() ? "" : R"({"metadata":{"annotations":{)" + changes + "}}}";
}

uint64_t version_in(const client::ApiResponse& answer) {
  k8s::io::api::core::v1::Node node;
  uint64_t version = 0;
  if (answer.objects_size() != 1 || !node.ParseFromString(answer.objects(0))) return version;
  const auto& text = node.metadata().resource_version();
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

}  // namespace

Status check_advert(const Advert& advert) {
  size_t bytes = 0;
  for (const auto& [name, value] : advert) {
    bytes += name.size() + value.size();
    const bool plain = name.find('/') == std::string::npos && schema::check_format("qualified-name", name).empty();
    if (!plain || name == kBackendType || !schema::valid_utf8(value)) {
      return Status::invalid("its advert " + schema::quoted(schema::cut(name, 128)) +
                             " can be no annotation: a name has 1 to 63 letters, digits, '-', '_' or '.', and is not " +
                             kBackendType + "; a value is text");
    }
  }
  if (bytes <= kMostBytes) return {};
  return Status::invalid("its advert has " + std::to_string(bytes) + " bytes, " + std::to_string(kMostBytes) +
                         " are the most");
}

class AdvertWriter::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(client::Client& client, std::string node, std::function<void(int64_t, std::function<void()>)> schedule,
       std::function<void(const std::string&)> trouble)
      : client_(client), node_(std::move(node)), schedule_(std::move(schedule)), trouble_(std::move(trouble)) {}

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  void want(Advert advert) {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = std::move(advert);
    }
    write();
  }
  void seen(Advert there, uint64_t version) {
    {
      const std::lock_guard lock(mutex_);
      if (there_ && version < version_) return;  // from before our own write
      there_ = std::move(there);
      version_ = version;
    }
    write();
  }
  void lost() {
    const std::lock_guard lock(mutex_);
    there_.reset();
    version_ = 0;
  }

 private:
  void write() {
    std::string body;
    Advert sent;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || busy_ || !wanted_ || !there_) return;
      body = patch(*wanted_, *there_);
      if (body.empty()) return;
      busy_ = true;
      sent = *wanted_;
    }
    auto request =
        client::patch_request({"", "v1", "nodes"}, "", node_, std::move(body), client::ApiRequest::MERGE_PATCH);
    client_.call(std::move(request), [weak = weak_from_this(), sent = std::move(sent)](const auto& answer) {
      if (const auto self = weak.lock()) self->answered(sent, answer);
    });
  }

  void answered(const Advert& sent, const Expected<client::ApiResponse>& answer) {
    int64_t delay = kPauseMs;
    {
      const std::lock_guard lock(mutex_);
      if (answer) {
        tries_ = 0;
        if (there_) there_ = sent;
        version_ = std::max(version_, version_in(*answer));
      } else {
        delay = retry_ms(++tries_);
      }
    }
    if (!answer) trouble_("writing the advert of node " + node_ + ": " + answer.error().message());
    schedule_(delay, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      {
        const std::lock_guard lock(self->mutex_);
        self->busy_ = false;
      }
      self->write();
    });
  }

  client::Client& client_;
  const std::string node_;
  const std::function<void(int64_t, std::function<void()>)> schedule_;
  const std::function<void(const std::string&)> trouble_;
  std::mutex mutex_;  // not held through calls
  std::optional<Advert> wanted_, there_;
  uint64_t version_ = 0;
  bool busy_ = false;  // a write is under way, or was just now
  bool stopped_ = false;
  int tries_ = 0;
};

AdvertWriter::AdvertWriter(client::Client& client, std::string node,
                           std::function<void(int64_t, std::function<void()>)> schedule,
                           std::function<void(const std::string&)> trouble)
    : impl_(std::make_shared<Impl>(client, std::move(node), std::move(schedule), std::move(trouble))) {}
AdvertWriter::~AdvertWriter() { impl_->stop(); }
void AdvertWriter::want(Advert advert) { impl_->want(std::move(advert)); }
void AdvertWriter::seen(Advert there, uint64_t version) { impl_->seen(std::move(there), version); }
void AdvertWriter::lost() { impl_->lost(); }

}  // namespace gantry::network
