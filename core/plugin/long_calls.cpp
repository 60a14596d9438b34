#include "core/plugin/long_calls.hpp"

#include <utility>

#include "gantry/status_proto.hpp"

namespace gantry::plugin {

// Tells its end once: with the answer, or, dropped without one, that there is none.
class LongCalls::Call {
 public:
  Call(LongCalls& calls, Pinned pinned, const Pinned::Found& verb, Callee::Then then)
      : calls_(calls), pinned_(std::move(pinned)), verb_(verb), then_(std::move(then)) {
    const std::lock_guard lock(calls_.mutex_);
    ++calls_.under_way_;
  }
  ~Call() {
    tell(Status::unavailable(std::string(verb_.member->name) + " was not called: the daemon stops"));
    pinned_ = {};
    const std::lock_guard lock(calls_.mutex_);
    if (--calls_.under_way_ == 0) calls_.none_.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void run(std::string_view request) { tell(pinned_.ask(verb_, request)); }
  // False: it lives in this process.
  static bool send(const std::shared_ptr<Call>& self, std::string_view request) {
    auto* instance = self->pinned_.instance();
    if (instance == nullptr) return false;
    const auto measure = std::make_shared<CallMeasure>(self->pinned_, *self->verb_.member);
    return instance->call_later(*self->verb_.member, request,
                                [self, measure](gantry_code code, std::string response, const std::string& error) {
                                  measure->end(code != 0);
                                  self->tell(code == 0 ? Expected<std::string>(std::move(response))
                                                       : Expected<std::string>(status_of(code, error)));
                                });
  }
  void tell(Expected<std::string> answer) {
    if (const auto then = std::exchange(then_, nullptr)) then(std::move(answer));
  }

 private:
  LongCalls& calls_;
  Pinned pinned_;
  const Pinned::Found verb_;
  Callee::Then then_;
};

LongCalls::~LongCalls() { stop(); }

void LongCalls::begin(Pinned pinned, const Pinned::Found& verb, std::string request, Callee::Then then) {
  const auto call = std::make_shared<Call>(*this, std::move(pinned), verb, std::move(then));
  if (Call::send(call, request)) return;
  if (pool_.post([call, request = std::move(request)] { call->run(request); })) return;
  call->tell(Status::too_many_requests("too many calls that take their time wait already"));
}

void LongCalls::stop() {
  pool_.stop();
  std::unique_lock lock(mutex_);
  none_.wait(lock, [this] { return under_way_ == 0; });
}

}  // namespace gantry::plugin
