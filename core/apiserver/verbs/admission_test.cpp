// Writes and the admission chain: what steps are told, what they may change, and that a step that takes its time holds
// up nobody else.
#include <condition_variable>

#include "core/apiserver/test_server.hpp"
#include "core/http/io/event_loop.hpp"

namespace gantry::apiserver {
namespace {

using admission::Operation;
using admission::Pause;
using admission::WriteRequest;

// What a step was told of one request.
struct Told {
  Operation operation;
  std::string plural, subresource, ns, name, user;
  bool has_object, has_old, dry_run;
};

// Writes down what it sees; ConfigMaps named "slow..." wait for the test, "timed..." for 50 ms, and those named
// "changed..." get a field.
class TestStep : public admission::Step {
 public:
  ~TestStep() override { loop->stop(); }
  std::string_view name() const override { return "Test"; }
  bool handles(const WriteRequest& request) const override { return request.user->user == "tester"; }
  admission::Answer mutate(WriteRequest& request, Pause& pause) const override {
    const std::lock_guard lock(mutex);
    told.push_back({request.operation, request.kind->plural, request.subresource, request.ns, request.name,
                    request.user->user, request.object != nullptr, request.old != nullptr, request.dry_run});
    if (request.name.starts_with("slow")) {
      waiting.push_back(pause.later());
      changed.notify_all();
      return admission::kLater;
    }
    if (request.name.starts_with("timed")) {
      loop->post([this, resume = pause.later()] {
        loop->after(std::chrono::milliseconds(50), [resume] { resume(Status()); });
      });
      return admission::kLater;
    }
    if (request.name.starts_with("changed") && request.object != nullptr) {
      request.object->as_object()["data"] = JsonObject{{"by", "step"}};
      metadata_of(*request.object)["uid"] = "mine";
      request.needs_defaults = true;
    }
    return admission::kPass;
  }
  admission::Answer validate(const WriteRequest& request, Pause&) const override {
    if (request.name != "forbidden") return admission::kPass;
    return admission::refused(request, "the test says so");
  }

  std::vector<admission::Resume> take() const {
    const std::lock_guard lock(mutex);
    return std::exchange(waiting, {});
  }
  // So many, when they are there.
  std::vector<admission::Resume> take(size_t count) const {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(20), [&] { return waiting.size() >= count; });
    EXPECT_GE(waiting.size(), count);
    return std::exchange(waiting, {});
  }
  size_t count() const {
    const std::lock_guard lock(mutex);
    return told.size();
  }
  Told last() const {
    const std::lock_guard lock(mutex);
    return told.empty() ? Told{} : told.back();
  }

  std::shared_ptr<io::EventLoop> loop = io::EventLoop::start("test-step");
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable std::vector<Told> told;
  mutable std::vector<admission::Resume> waiting;
};

class AdmissionTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.admission = {step_};
    return out;
  }
  static std::string map_path(const std::string& name) { return std::string(kMaps) + "/" + name; }
  std::shared_ptr<FakeExchange> begin(http::Request request) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(std::move(request), exchange);
    return exchange;
  }

  const std::shared_ptr<TestStep> step_ = std::make_shared<TestStep>();
};

TEST_F(AdmissionTest, StepsAreToldWhatIsDone) {
  made(kMaps, config_map("a"));
  auto told = step_->last();
  EXPECT_EQ(told.operation, Operation::kCreate);
  EXPECT_EQ(told.plural + " " + told.ns + " " + told.name + " " + told.user, "configmaps default a tester");
  EXPECT_TRUE(told.has_object);
  EXPECT_FALSE(told.has_old);
  ASSERT_EQ(ask("PATCH", map_path("a"), R"({"data":{"k":"w"}})", kMergePatch).code, 200);
  told = step_->last();
  EXPECT_EQ(told.operation, Operation::kUpdate);
  EXPECT_TRUE(told.has_object && told.has_old);
  ASSERT_EQ(ask("DELETE", map_path("a") + "?dryRun=All").code, 200);
  told = step_->last();
  EXPECT_EQ(told.operation, Operation::kDelete);
  EXPECT_TRUE(told.has_old && told.dry_run);
  EXPECT_FALSE(told.has_object);
  ASSERT_EQ(ask("DELETE", kMaps).code, 200);
  told = step_->last();
  EXPECT_EQ(told.operation, Operation::kDelete);
  EXPECT_EQ(told.name, "a");
  made(kPods, pod("p"));
  made(std::string(kPods) + "/p/binding", R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}})");
  told = step_->last();
  EXPECT_EQ(told.operation, Operation::kCreate);
  EXPECT_EQ(told.subresource, "binding");
  EXPECT_TRUE(told.has_object);
  EXPECT_EQ(ask("GET", std::string(kPods) + "/p/log").code, 503);  // there is no node
  EXPECT_EQ(step_->last().subresource, "binding") << "it is read";
  for (const char* method : {"POST", "GET"}) {
    const size_t before = step_->count();
    EXPECT_EQ(ask(method, std::string(kPods) + "/p/exec?command=a&stdout=1").code, 503);
    EXPECT_EQ(step_->count(), before + 1) << method;
    told = step_->last();
    EXPECT_EQ(told.operation, Operation::kConnect);
    EXPECT_EQ(told.plural + " " + told.subresource + " " + told.ns + " " + told.name, "pods exec default p");
    EXPECT_FALSE(told.has_object || told.has_old);
  }
  for (const std::string name : {"attach", "portforward"}) {
    const size_t before = step_->count();
    EXPECT_EQ(ask("POST", std::string(kPods) + "/p/" + name).code, 501);
    EXPECT_EQ(step_->count(), before + 1) << name;
    EXPECT_EQ(step_->last().subresource, name);
    EXPECT_EQ(step_->last().operation, Operation::kConnect);
  }
}

TEST_F(AdmissionTest, AStepMayChangeWhatIsStored) {
  const auto created = made(kMaps, config_map("changed"));
  EXPECT_EQ(created.text({"data", "by"}), "step");
  const auto patched = ask("PATCH", map_path("changed"), R"({"data":{"by":"me"}})", kMergePatch);
  EXPECT_EQ(patched.text({"data", "by"}), "step");
  // What the server owns stays the server's.
  EXPECT_NE(created.text({"metadata", "uid"}), "mine");
  EXPECT_EQ(patched.text({"metadata", "uid"}), created.text({"metadata", "uid"}));
}

// What is odd about a template is said when it is made or changed, and not with every other write.
TEST_F(AdmissionTest, UpdatesAreWarnedOfWhatTheyChange) {
  const std::string all = "/apis/apps/v1/namespaces/default/deployments";
  const auto created =
      made(all, R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
                R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i","env":[{"name":"A","value":"1"},)"
                R"({"name":"A","value":"2"}]}]}}}})");
  EXPECT_NE(created.header("Warning").find("containers[0].env[1]"), std::string::npos);
  const auto labelled = ask("PATCH", all + "/d", R"({"metadata":{"labels":{"x":"y"}}})", kMergePatch);
  EXPECT_EQ(labelled.code, 200);
  EXPECT_EQ(labelled.header("Warning"), "");
  const auto scaled = ask("PATCH", all + "/d", R"({"spec":{"replicas":3}})", kMergePatch);
  EXPECT_NE(scaled.header("Warning").find("containers[0].env[1]"), std::string::npos);
}

TEST_F(AdmissionTest, AValidatingStepRefusesEachKindOfWrite) {
  const auto refused = ask("POST", kMaps, config_map("forbidden"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.text({"message"}), "configmaps \"forbidden\" is forbidden: the test says so");
  EXPECT_EQ(ask("GET", map_path("forbidden")).code, 404);
  auto other = request("POST", kMaps, config_map("forbidden"));
  other.identity.user = "somebody else";
  ASSERT_EQ(ask(std::move(other)).code, 201);
  EXPECT_EQ(ask("PATCH", map_path("forbidden"), R"({"data":{"k":"w"}})", kMergePatch).code, 403);
  EXPECT_EQ(ask("DELETE", map_path("forbidden")).code, 403);
  EXPECT_EQ(ask("DELETE", kMaps).code, 403);
  EXPECT_EQ(ask("GET", map_path("forbidden")).text({"data", "k"}), "v");
  EXPECT_EQ(ask("POST", std::string(kPods) + "/forbidden/exec?command=a&stdout=1").code, 403);
}

// On the test's own thread, and on each request's: as many wait as like to, and others are answered meanwhile.
TEST_F(AdmissionTest, AStepThatWaitsHoldsUpNobody) {
  std::vector<std::shared_ptr<FakeExchange>> waiting;
  for (int i = 0; i < 500; ++i) {
    waiting.push_back(begin(request("POST", kMaps, config_map("slow-" + std::to_string(i)))));
  }
  made(kMaps, config_map("quick"));
  EXPECT_EQ(ask("GET", map_path("quick")).code, 200);
  for (const auto& exchange : waiting) EXPECT_EQ(exchange->answers(), 0);
  auto resumes = step_->take();
  EXPECT_EQ(resumes.size(), waiting.size());
  for (const auto& resume : resumes) resume(Status());
  for (const auto& exchange : waiting) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 201);
  }
}

TEST_F(AdmissionTest, FiftyMillisecondsOnATimer) {
  std::vector<std::shared_ptr<FakeExchange>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(begin(request("POST", kMaps, config_map("timed-" + std::to_string(i)))));
  }
  made(kMaps, config_map("quick"));
  for (const auto& exchange : waiting) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 201);
  }
}

TEST_F(AdmissionTest, AnUpdateThatWaitedIsMadeAnewOfWhatIsThereThen) {
  auto other = request("POST", kMaps, config_map("slow"));
  other.identity.user = "somebody else";
  ASSERT_EQ(ask(other).code, 201);
  const auto exchange = begin(request("PATCH", map_path("slow"), R"({"data":{"a":"1"}})", kMergePatch));
  auto between = request("PATCH", map_path("slow"), R"({"data":{"b":"2"}})", kMergePatch);
  between.identity.user = "somebody else";
  ASSERT_EQ(ask(between).code, 200);
  // The version that the step saw is outdated; it is asked again about the new one.
  for (int i = 0; i < 2; ++i) {
    const auto resumes = step_->take(1);
    ASSERT_EQ(resumes.size(), 1U);
    resumes.front()(Status());
  }
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 200);
  const auto now = ask("GET", map_path("slow"));
  EXPECT_EQ(now.text({"data", "a"}), "1");
  EXPECT_EQ(now.text({"data", "b"}), "2");
}

TEST_F(AdmissionTest, TheRequestsTimeEndsAStepThatHangs) {
  const auto answer = ask("POST", std::string(kMaps) + "?timeout=50ms", config_map("slow"));
  EXPECT_EQ(answer.code, 504);
  EXPECT_NE(answer.text({"message"}).find("admission step Test has not answered"), std::string::npos);
  for (const auto& resume : step_->take()) resume(Status());
  EXPECT_EQ(ask("GET", map_path("slow")).code, 404);
}

TEST_F(AdmissionTest, AStepThatForgetsARequestFailsIt) {
  const auto exchange = begin(request("POST", kMaps, config_map("slow")));
  step_->take().clear();
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 500);
}

TEST_F(AdmissionTest, ServersStopWhileAStepWaits) {
  const auto exchange = begin(request("POST", kMaps, config_map("slow")));
  server_->stop();
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 503);
  for (const auto& resume : step_->take()) resume(Status());
  EXPECT_EQ(exchange->answers(), 1);
}

// A step that answers when the server is gone, and its store with it, touches neither.
TEST_F(AdmissionTest, StepsThatAnswerAfterTheStoresEnd) {
  for (const char* name : {"slow-a", "slow-b"}) {
    auto other = request("POST", kMaps, config_map(name));
    other.identity.user = "somebody else";
    ASSERT_EQ(ask(std::move(other)).code, 201);
  }
  const auto create = begin(request("POST", kMaps, config_map("slow")));
  const auto update = begin(request("PATCH", map_path("slow-a"), R"({"data":{"k":"w"}})", kMergePatch));
  const auto connect = begin(request("POST", std::string(kPods) + "/slow/exec?command=a"));
  const auto collection = begin(request("DELETE", kMaps));
  const auto waiting = step_->take(5);  // of the collection two
  close();
  for (const auto& exchange : {create, update, collection}) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 503) << exchange->body();
  }
  ASSERT_TRUE(connect->wait_answer());
  for (const auto& resume : waiting) resume(Status());
  for (const auto& exchange : {create, update, connect, collection}) EXPECT_EQ(exchange->answers(), 1);
  open();
  EXPECT_EQ(ask("GET", map_path("slow")).code, 404);
  EXPECT_EQ(ask("GET", map_path("slow-a")).text({"data", "k"}), "v");
  EXPECT_EQ(ask("GET", map_path("slow-b")).code, 200);
}

TEST_F(AdmissionTest, AStepWhosePeerHasGoneIsWaitedForNoLonger) {
  const auto exchange = begin(request("POST", kMaps, config_map("slow")));
  exchange->leave();
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 504);
  for (const auto& resume : step_->take()) resume(Status());
  EXPECT_EQ(ask("GET", map_path("slow")).code, 404);
}

// PUT that makes what is not there is a create, also to who decides what may be done.
class NoCreates : public auth::Authorizer {
 public:
  limits::Answer decide(const http::Identity&, const auth::Access& access, limits::Pause&) const override {
    return access.verb == "create" ? auth::denied() : limits::kPass;
  }
};

class NoCreatesTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.authorizer = std::make_shared<NoCreates>();
    return out;
  }
};

TEST_F(NoCreatesTest, AnUpdateOfWhatIsMissingNeedsTheRightToCreate) {
  const auto answer =
      ask("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l", R"({"metadata":{"name":"l"},"spec":{}})");
  EXPECT_EQ(answer.code, 403) << answer.body;
  EXPECT_NE(answer.text({"message"}).find("cannot create resource \"leases\""), std::string::npos);
}

}  // namespace
}  // namespace gantry::apiserver
