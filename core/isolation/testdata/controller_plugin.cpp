// A controller for isolation_test: the key's name says what reconcile does. The answer's requeue time carries numbers
// back.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <thread>

#include "core/isolation/frame.hpp"
#include "gantry/abi/metrics.h"
#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

using gantry::Expected;
using gantry::Status;
using gantry::corev1::ConfigMap;
using gantry::sdk::ApiRequest;

#ifdef FLAVOUR_exits
struct Early {
  Early() { ::_exit(3); }
} early;
#endif

void endless_loop() {
  volatile uint64_t turns = 0;
  while (true) turns = turns + 1;
}

class Subject : public gantry::sdk::Controller {
 public:
  using Controller::Controller;

  gantry::abi::ControllerSpec spec() const override { return watching<ConfigMap>("isolated"); }

  Status configure() override {
    auto greeting = host().config_string("greeting", "none");
    if (!greeting) return std::move(greeting).error();
    if (*greeting == "refuse") return Status::invalid("told to refuse");
    if (*greeting == "crash") std::raise(SIGSEGV);
    host().info("greeting " + *greeting);
    return {};
  }

  void map(const gantry::abi::ObjectEvent& event, const Emit& emit) override {
    emit("ns", event.resource());
    emit("", "second");
  }

  Expected<Result> reconcile(const Key& key) override {
    if (key.name.empty()) return Result{};
    const auto it = kActs.find(key.name);
    if (it == kActs.end()) return Status::not_found("no act " + key.name);
    return (this->*it->second)(key.ns);
  }

 private:
  using Act = Expected<Result> (Subject::*)(const std::string& argument);
  static const std::map<std::string, Act> kActs;

  // Good ones.
  Expected<Result> pid(const std::string&) { return Result{::getpid()}; }
  Expected<Result> read_cache(const std::string& name) {
    const auto one = host().cached<ConfigMap>("ns", name);
    const auto all = host().cached_list<ConfigMap>("ns");
    if (!one || !all) return Status::not_found("not in the cache");
    return Result{static_cast<int64_t>(all->size() * 100 + host().cached_by_owner<ConfigMap>("owner").size())};
  }
  Expected<Result> read_index(const std::string& index) {
    const auto found = host().cached_by_index<ConfigMap>(index, "uid", "ns", "app=web");
    if (!found) return found.error();
    return Result{static_cast<int64_t>(found->size())};
  }
  Expected<Result> write(const std::string& name) {
    ConfigMap map;
    map.mutable_metadata()->set_name(name);
    auto made = host().create("ns", map);
    if (!made) return std::move(made).error();
    host().info("made " + made->metadata().name());
    host().event(*made, "v1", "ConfigMap", "Normal", "Made", "made it");
    host().enqueue_after("ns", name, 250);
    return Result{};
  }
  Expected<Result> write_many(const std::string& count) {
    std::vector<ApiRequest> requests;
    for (int i = 0; i < std::stoi(count); ++i) {
      requests.push_back(host().request_for<ConfigMap>(ApiRequest::GET, "ns", std::to_string(i)));
    }
    int64_t good = 0;
    for (const auto& answer : host().call_all(requests)) good += answer.ok() ? 1 : 0;
    return Result{good};
  }
  Expected<Result> clock(const std::string&) { return Result{host().now_unix_ns()}; }
  Expected<Result> metric(const std::string&) {
    const auto* metrics = host().get<gantry_metrics>(GANTRY_METRICS_ID);
    const auto made = metrics->declare(host().raw(), GANTRY_METRIC_COUNTER, gantry::to_slice("m"), {}, {});
    metrics->record(host().raw(), made, 2.5);
    return Result{static_cast<int64_t>(made)};
  }
  // Starts two timers; the second is cancelled. The first asks the clock, and logs.
  Expected<Result> timers(const std::string&) {
    const auto* timer = host().get<gantry_timer>(GANTRY_TIMER_ID);
    timer->start(
        host().raw(), 10,
        [](void* self) {
          const auto& subject = *static_cast<Subject*>(self);
          subject.host().info("fired at " + std::to_string(subject.host().now_unix_ns()));
        },
        this);
    const auto second = timer->start(
        host().raw(), 10, [](void* self) { static_cast<Subject*>(self)->host().error("must not fire"); }, this);
    timer->cancel(host().raw(), second);
    return Result{};
  }
  // A task is no thread of a call: what it asks goes over the control connection.
  Expected<Result> task(const std::string& name) {
    auto status = host().run_task([this, name] {
      auto found = host().get_object<ConfigMap>("ns", name);
      host().info("task found " + (found ? found->metadata().name() : found.error().message()));
    });
    if (!status.ok()) return status;
    return Result{};
  }
  Expected<Result> has_file(const std::string& path) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      if (std::filesystem::read_symlink(entry.path(), ignored) == path) return Result{1};
    }
    return Result{0};
  }
  Expected<Result> mount(const std::string&) {
    ::mount("/nowhere", "/nowhere", "none", 0, nullptr);
    return Result{errno};
  }
  // Big answers: an error of so many bytes.
  Expected<Result> verbose(const std::string& size) { return Status::conflict(std::string(std::stoul(size), 'x')); }

  // Says the code with which the host refused it.
  Expected<Result> large_request(const std::string& size) {
    ConfigMap map;
    (*map.mutable_data())["text"] = std::string(std::stoul(size), 'x');
    const auto made = host().create("ns", map);
    return Result{made ? 0 : made.error().code()};
  }
  Expected<Result> large_async(const std::string& size) {
    std::vector<ApiRequest> requests(2, host().request_for<ConfigMap>(ApiRequest::GET, "ns", "one"));
    requests[0].set_body(std::string(std::stoul(size), 'x'));
    const auto answers = host().call_all(requests);
    return Result{answers[0] ? 0 : answers[0].error().code() * 10 + (answers[1] ? 1 : 0)};
  }
  Expected<Result> large_posts(const std::string& size) {
    const std::string text(std::stoul(size), 'x');
    host().event(ConfigMap(), "v1", "ConfigMap", "Normal", "Large", text);
    host().enqueue(text, text);
    host().info(text);
    const auto* metrics = host().get<gantry_metrics>(GANTRY_METRICS_ID);
    const auto help = gantry::to_slice(text);
    return Result{
        static_cast<int64_t>(metrics->declare(host().raw(), GANTRY_METRIC_COUNTER, gantry::to_slice("m"), help, {}))};
  }
  Expected<Result> many_timers(const std::string&) {
    const auto* timer = host().get<gantry_timer>(GANTRY_TIMER_ID);
    int64_t count = 0;
    while (timer->start(
               host().raw(), 3'600'000, [](void*) {}, nullptr) != 0) {
      ++count;
    }
    return Result{count};
  }
  // Asks for much and does not look at the first answer until "release" is answered; then counts how many were not
  // kept.
  Expected<Result> slow_reader(const std::string& count) {
    struct Answers {
      std::atomic<bool> may_read = false;
      std::atomic<int> open = 0, refused = 0;
    } answers;
    answers.open = std::stoi(count);
    const auto bytes = host().request_for<ConfigMap>(ApiRequest::GET, "ns", "large").SerializeAsString();
    const auto* client = host().get<gantry_client>(GANTRY_CLIENT_ID);
    for (int i = std::stoi(count); i > 0; --i) {
      client->call_async(
          host().raw(), gantry::to_slice(bytes),
          [](void* context, gantry_code code, gantry_slice, gantry_slice) {
            auto& to = *static_cast<Answers*>(context);
            while (!to.may_read) std::this_thread::yield();
            if (code == 429) ++to.refused;
            --to.open;
          },
          &answers);
    }
    (void)host().get_object<ConfigMap>("ns", "release");
    answers.may_read = true;
    while (answers.open > 0) std::this_thread::yield();
    return Result{answers.refused};
  }
  // From a timer, so that nobody reads the answers: lists of the cache, 600 of them.
  Expected<Result> greedy_timer(const std::string&) {
    host()
        .get<gantry_timer>(GANTRY_TIMER_ID)
        ->start(
            host().raw(), 1,
            [](void*) {
              std::string frame(16 + 20, '\0');
              frame[0] = 20;
              frame[4] = static_cast<char>(gantry::isolation::Op::kCacheList);
              std::string all;
              for (int i = 0; i < 600; ++i) all += frame;
              (void)send("3", all);
            },
            nullptr);
    return Result{};
  }
  Expected<Result> call_then_loop(const std::string& name) {
    (void)host().get_object<ConfigMap>("ns", name);
    endless_loop();
    return Result{};
  }

  // Bad ones.
  Expected<Result> crash(const std::string&) {
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would exit instead
    std::raise(SIGSEGV);
    return Result{};
  }
  Expected<Result> abort(const std::string&) {
    ::signal(SIGABRT, SIG_DFL);
    std::abort();
  }
  Expected<Result> exit(const std::string&) { ::_exit(5); }
  Expected<Result> loop(const std::string&) {
    endless_loop();
    return Result{};
  }
  Expected<Result> loop_in_timer(const std::string&) {
    host()
        .get<gantry_timer>(GANTRY_TIMER_ID)
        ->start(
            host().raw(), 1, [](void*) { endless_loop(); }, nullptr);
    return Result{};
  }
  Expected<Result> leak(const std::string&) {
    while (true) std::memset(::operator new(1 << 20), 1, 1 << 20);
  }
  Expected<Result> garbage(const std::string& fd) { return send(fd, std::string(64, '\xee')); }
  Expected<Result> oversized(const std::string& fd) {
    // A log line of nearly 4 GiB, says the header.
    std::string frame(16, '\0');
    std::memset(frame.data(), 0xf0, 4);
    frame[4] = static_cast<char>(gantry::isolation::Op::kLogWrite);
    frame[6] = 2;
    return send(fd, frame);
  }
  Expected<Result> stray_answer(const std::string& fd) {
    std::string frame(16, '\0');
    frame[4] = static_cast<char>(gantry::isolation::Op::kMap);
    frame[6] = 1;
    frame[8] = 99;
    return send(fd, frame);
  }
  Expected<Result> close_all(const std::string&) {
    for (int i = 3; i < 64; ++i) ::close(i);
    ::pause();
    return Result{};
  }
  // Writes to a descriptor: "3" is the control connection, "lane" the one this call came on, the highest.
  static Expected<Result> send(const std::string& fd, const std::string& bytes) {
    int to = 3;
    if (fd == "lane") {
      for (int i = 5; i < 64; ++i) {
        if (::fcntl(i, F_GETFD) >= 0) to = i;
      }
    }
    if (::write(to, bytes.data(), bytes.size()) < 0) return Status::internal("write failed");
    ::pause();
    return Result{};
  }
};

const std::map<std::string, Subject::Act> Subject::kActs = {{"pid", &Subject::pid},
                                                            {"cache", &Subject::read_cache},
                                                            {"index", &Subject::read_index},
                                                            {"write", &Subject::write},
                                                            {"many", &Subject::write_many},
                                                            {"clock", &Subject::clock},
                                                            {"metric", &Subject::metric},
                                                            {"timers", &Subject::timers},
                                                            {"task", &Subject::task},
                                                            {"has-file", &Subject::has_file},
                                                            {"mount", &Subject::mount},
                                                            {"verbose", &Subject::verbose},
                                                            {"large-request", &Subject::large_request},
                                                            {"large-async", &Subject::large_async},
                                                            {"large-posts", &Subject::large_posts},
                                                            {"many-timers", &Subject::many_timers},
                                                            {"call-then-loop", &Subject::call_then_loop},
                                                            {"slow-reader", &Subject::slow_reader},
                                                            {"greedy-timer", &Subject::greedy_timer},
                                                            {"crash", &Subject::crash},
                                                            {"abort", &Subject::abort},
                                                            {"exit", &Subject::exit},
                                                            {"loop", &Subject::loop},
                                                            {"leak", &Subject::leak},
                                                            {"garbage", &Subject::garbage},
                                                            {"oversized", &Subject::oversized},
                                                            {"stray", &Subject::stray_answer},
                                                            {"close", &Subject::close_all},
                                                            {"timer-loop", &Subject::loop_in_timer}};

}  // namespace

GANTRY_CONTROLLER(Subject, "isolated", "1.2.3", "tests", "Does what its key says");
