// Authorizers that take their time: who waits holds up nobody else, has his own answer, and waits no longer than he
// should.
#include <condition_variable>

#include "core/apiserver/request/call.hpp"
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kLease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";

// What it was asked, and the way to answer.
struct Question {
  std::string user, verb, resource, subresource, path;
  limits::Resume resume;
};

// Lets the test answer for "slow...", a timer of 50 ms for "timed", and says yes at once to everybody else.
class TestAuthorizer : public auth::Authorizer {
 public:
  ~TestAuthorizer() override { loop->stop(); }
  limits::Answer decide(const http::Identity& who, const auth::Access& access, limits::Pause& pause) const override {
    if (who.user == "timed") {
      loop->post([this, resume = pause.later()] {
        loop->after(std::chrono::milliseconds(50), [resume] { resume(Status()); });
      });
      return limits::kLater;
    }
    if (who.user == "broken") return Status::internal("no rules");
    if (who.user == "reader") return access.verb == "create" ? auth::denied() : limits::kPass;
    if (who.user == "denied") return auth::denied("not on Sundays");
    if (!who.user.starts_with("slow") && !who.anonymous()) return limits::kPass;
    const std::lock_guard lock(mutex);
    waiting.push_back({who.user, access.verb, access.resource, access.subresource, access.path, pause.later()});
    changed.notify_all();
    return limits::kLater;
  }

  std::vector<Question> take(size_t count) const {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(20), [&] { return waiting.size() >= count; });
    EXPECT_EQ(waiting.size(), count);
    return std::exchange(waiting, {});
  }

  std::shared_ptr<io::EventLoop> loop = io::EventLoop::start("test-authorizer");
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable std::vector<Question> waiting;
};

class AuthorizeTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.authorizer = authorizer_;
    out.most_waiting = 64;
    return out;
  }
  static http::Request as(const std::string& user, http::Request asked) {
    asked.identity.user = user;
    return asked;
  }
  std::shared_ptr<FakeExchange> begin(const std::string& user, http::Request asked) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(as(user, std::move(asked)), exchange);
    return exchange;
  }
  // One of each kind.
  std::vector<std::shared_ptr<FakeExchange>> begin_all(const std::string& user) {
    return {begin(user, request("GET", kMaps)),
            begin(user, request("GET", std::string(kMaps) + "?watch=true")),
            begin(user, request("POST", kMaps, config_map("new"))),
            begin(user, request("PATCH", one_, R"({"data":{"a":"b"}})", "application/merge-patch+json")),
            begin(user, request("GET", std::string(kPods) + "/p/log")),
            begin(user, request("GET", "/apis")),
            begin(user, request("POST", kMaps, config_map("long", std::string(100'000, 'x'))))};
  }
  void expect_served(const std::vector<std::shared_ptr<FakeExchange>>& all) {
    const int codes[] = {200, 200, 201, 200, 404, 200, 201};
    for (size_t i = 0; i < all.size(); ++i) {
      ASSERT_TRUE(all[i]->wait_answer()) << i;
      EXPECT_EQ(all[i]->code(), codes[i]) << i << all[i]->body();
      EXPECT_EQ(all[i]->answers(), 1);
    }
  }
  static std::string config_map(const std::string& name, const std::string& text = "v") {
    return R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + text + "\"}}";
  }

  const std::shared_ptr<TestAuthorizer> authorizer_ = std::make_shared<TestAuthorizer>();
  const std::string one_ = std::string(kMaps) + "/one";
};

TEST_F(AuthorizeTest, WhoWaitsHoldsUpNobody) {
  made(kMaps, config_map("one"));
  const auto waiting = begin_all("slow");
  const auto questions = authorizer_->take(waiting.size());
  EXPECT_EQ(ask("GET", one_).code, 200);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true").code, 200);
  EXPECT_EQ(ask("POST", kMaps, config_map("quick")).code, 201);
  for (const auto& exchange : waiting) EXPECT_EQ(exchange->answers(), 0);
  for (const auto& question : questions) question.resume(Status());
  expect_served(waiting);
  EXPECT_EQ(questions[1].verb, "watch");
  EXPECT_EQ(questions[4].verb + " " + questions[4].resource + "/" + questions[4].subresource, "get pods/log");
  EXPECT_EQ(questions[5].verb + " " + questions[5].path, "get /apis");
}

TEST_F(AuthorizeTest, FiftyMillisecondsOnATimer) {
  made(kMaps, config_map("one"));
  const auto waiting = begin_all("timed");
  EXPECT_EQ(ask("GET", one_).code, 200);
  expect_served(waiting);
}

TEST_F(AuthorizeTest, WhoAnswersAtOnceHasNoOtherThread) {
  made(kMaps, config_map("one"));
  const auto exchange = begin("tester", request("GET", one_));
  EXPECT_EQ(exchange->answers(), 1);
}

TEST_F(AuthorizeTest, EachHasHisOwnAnswer) {
  made(kMaps, config_map("one"));
  const auto first = begin("slow-1", request("GET", one_)), second = begin("slow-2", request("GET", one_));
  const auto questions = authorizer_->take(2);
  questions[1].resume(auth::denied("because"));
  ASSERT_TRUE(second->wait_answer());
  EXPECT_EQ(second->code(), 403);
  EXPECT_NE(second->body().find("configmaps \\\"one\\\" is forbidden: User \\\"slow-2\\\" cannot get resource "
                                "\\\"configmaps\\\" in API group \\\"\\\" in the namespace \\\"default\\\": because"),
            std::string::npos)
      << second->body();
  EXPECT_EQ(first->answers(), 0);
  questions[0].resume(Status());
  questions[0].resume(auth::denied());  // the first counts
  ASSERT_TRUE(first->wait_answer());
  EXPECT_EQ(first->code(), 200);
}

TEST_F(AuthorizeTest, RefusalsAndFailures) {
  const auto refused = ask(as("denied", request("GET", "/apis")));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.text({"message"}), "forbidden: User \"denied\" cannot get path \"/apis\": not on Sundays");
  const auto failed = ask(as("broken", request("GET", std::string(kMaps) + "?limit=1")));
  EXPECT_EQ(failed.code, 500);
  EXPECT_EQ(failed.text({"message"}),
            "Internal Server Error: \"/api/v1/namespaces/default/configmaps?limit=1\": no rules");
  const auto forgotten = begin("slow", request("GET", one_));
  authorizer_->take(1).clear();
  ASSERT_TRUE(forgotten->wait_answer());
  EXPECT_EQ(forgotten->code(), 500);
  EXPECT_NE(forgotten->body().find("the authorizer ended without an answer"), std::string::npos);
}

// Nobody learns nothing, also later; and his body is not waited with.
TEST_F(AuthorizeTest, StrangersWait) {
  auto head = as("system:anonymous", request("POST", kMaps));
  EXPECT_TRUE(server_->check_head(head).ok());
  authorizer_->take(1).front().resume(auth::denied());
  const auto exchange = begin("system:anonymous", request("GET", one_));
  authorizer_->take(1).front().resume(auth::denied("because"));
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 401);
}

// One question for the head and for the body, whichever comes first: the answer or the body.
TEST_F(AuthorizeTest, IsAskedOnceForAHeadAndItsBody) {
  const auto head_of = [&](const std::string& name) {
    auto head = as("system:anonymous", request("POST", kMaps, config_map(name)));
    EXPECT_TRUE(server_->check_head(head).ok());
    return head;
  };
  const auto serve = [&](http::Request whole) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(std::move(whole), exchange);
    return exchange;
  };
  auto early = head_of("early");
  authorizer_->take(1).front().resume(Status());
  const auto made = serve(std::move(early));
  ASSERT_TRUE(made->wait_answer());
  EXPECT_EQ(made->code(), 201);
  auto late = head_of("late");
  const auto question = authorizer_->take(1);
  const auto exchange = serve(std::move(late));
  EXPECT_EQ(exchange->answers(), 0);
  question.front().resume(auth::denied());
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 401);
  auto forgotten = head_of("forgotten");
  authorizer_->take(1).clear();
  const auto failed = serve(std::move(forgotten));
  ASSERT_TRUE(failed->wait_answer());
  EXPECT_EQ(failed->code(), 500) << "who drops a question has not said yes";
  EXPECT_TRUE(authorizer_->waiting.empty());
}

TEST_F(AuthorizeTest, WhatIsKeptOfAHeadIsForThatQuestionAlone) {
  auto head = as("system:anonymous", request("POST", kMaps, config_map("one")));
  EXPECT_TRUE(server_->check_head(head).ok());
  authorizer_->take(1).front().resume(Status());
  auto other_user = as("slow", head), other_verb = head, other_name = head;
  other_verb.method = "DELETE";
  other_name.path += "/one";
  std::vector<std::shared_ptr<FakeExchange>> all;
  for (const auto& asked : {other_user, other_verb, other_name}) {
    all.push_back(std::make_shared<FakeExchange>());
    server_->handle(asked, all.back());
    EXPECT_EQ(all.back()->answers(), 0);
  }
  for (const auto& question : authorizer_->take(3)) question.resume(auth::denied());
  for (const auto& exchange : all) EXPECT_TRUE(exchange->wait_answer());
}

TEST_F(AuthorizeTest, TheRequestsTimeEndsAWait) {
  const auto answer = ask(as("slow", request("POST", std::string(kMaps) + "?timeout=50ms", config_map("one"))));
  EXPECT_EQ(answer.code, 504);
  EXPECT_NE(answer.text({"message"}).find("the authorizer has not answered"), std::string::npos);
  authorizer_->take(1).front().resume(Status());
  EXPECT_EQ(ask("GET", one_).code, 404);
}

// All that a request holds goes with whoever asked, though the authorizer may still answer.
TEST_F(AuthorizeTest, APeerThatHangsUpIsWaitedForNoLonger) {
  const auto account = std::make_shared<limits::Account>(1 << 20);
  auto asked = request("GET", std::string(kMaps) + "?watch=true&labelSelector=" + std::string(10'000, 'a'));
  asked.account = account;
  auto exchange = begin("slow", std::move(asked));
  const auto questions = authorizer_->take(1);
  EXPECT_GT(account->used(), 10'000U) << "it is paid for while it waits";
  exchange->leave();
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 504);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (account->used() > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(account->used(), 0U);
  questions.front().resume(Status());
  EXPECT_EQ(exchange->answers(), 1);
  EXPECT_EQ(exchange->stream(), nullptr);
}

TEST_F(AuthorizeTest, SoManyMayWait) {
  std::vector<std::shared_ptr<FakeExchange>> waiting;
  for (int i = 0; i < 65; ++i) waiting.push_back(begin("slow", request("GET", kMaps)));
  const auto last = waiting.back();
  waiting.pop_back();
  ASSERT_TRUE(last->wait_answer());
  EXPECT_EQ(last->code(), 429);
  EXPECT_EQ(last->header("Retry-After"), "1");
  EXPECT_NE(last->body().find("Too many requests, please try again later."), std::string::npos);
  EXPECT_EQ(ask("GET", kMaps).code, 200) << "who need not wait";
  for (const auto& question : authorizer_->take(65)) question.resume(Status());
  for (const auto& exchange : waiting) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 200);
  }
  const auto next = begin("slow", request("GET", kMaps));
  authorizer_->take(1).front().resume(Status());
  ASSERT_TRUE(next->wait_answer());
  EXPECT_EQ(next->code(), 200) << "there is room again";
}

TEST_F(AuthorizeTest, ServersStopWhileItIsWaitedFor) {
  const auto waiting = begin_all("slow");
  const auto questions = authorizer_->take(waiting.size());
  close();  // and its store goes
  for (const auto& exchange : waiting) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 503) << exchange->body();
  }
  for (const auto& question : questions) question.resume(Status());
  for (const auto& exchange : waiting) EXPECT_EQ(exchange->answers(), 1);
  open();
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/new").code, 404);
}

// A WebSocket begins with GET, and runs a command all the same.
TEST_F(AuthorizeTest, ConnectionsAreNotForReaders) {
  const std::string pod = std::string(kPods) + "/p";
  for (const char* method : {"GET", "POST"}) {
    for (const char* what : {"exec?command=a&stdout=1", "attach", "portforward"}) {
      const auto answer = ask(as("reader", request(method, pod + "/" + what)));
      EXPECT_EQ(answer.code, 403) << method << what;
      const std::string name = std::string(what).substr(0, std::string(what).find('?'));
      EXPECT_NE(answer.text({"message"}).find("cannot create resource \"pods/" + name + "\""), std::string::npos)
          << answer.body;
    }
  }
  EXPECT_EQ(ask(as("reader", request("GET", pod + "/log"))).code, 404);
  const auto exchange = begin("slow", request("GET", pod + "/exec?command=a&stdout=1"));
  for (const std::string verb : {"get", "create"}) {
    EXPECT_EQ(exchange->answers(), 0);
    const auto question = authorizer_->take(1).front();
    EXPECT_EQ(question.verb + " " + question.resource + "/" + question.subresource, verb + " pods/exec");
    question.resume(Status());
  }
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 404);
}

TEST_F(AuthorizeTest, AnUpdateThatCreatesIsAskedTwice) {
  const auto exchange = begin("slow", request("PUT", kLease, R"({"metadata":{"name":"l"},"spec":{}})"));
  auto question = authorizer_->take(1).front();
  EXPECT_EQ(question.verb, "update");
  question.resume(Status());
  question = authorizer_->take(1).front();
  EXPECT_EQ(question.verb, "create");
  EXPECT_EQ(exchange->answers(), 0);
  question.resume(Status());
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 201) << exchange->body();
}

}  // namespace
}  // namespace gantry::apiserver
