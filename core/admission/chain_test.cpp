// The chain's walk: order, refusals, and steps that take their time. What the built-in steps do to objects is tested
// through the server (core/apiserver).
#include "core/admission/chain.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "core/kinds/kinds.hpp"

namespace gantry::admission {
namespace {

// A request whose deadline and whose other thread the test plays.
class PlayedRequest : public WriteRequest, public Objects {
 public:
  explicit PlayedRequest(schema::SchemaPtr of) {
    schema = std::move(of);
    kind = schema->find_resource("", "v1", "configmaps");
    ns = "default";
    name = "x";
    user = &who;
    objects = this;
    warnings = &said;
  }
  void go_on(std::function<void(Status)> rest, Status status) override {
    rests.push_back([rest = std::move(rest), status = std::move(status)] { rest(status); });
  }
  std::function<void()> at_deadline(std::function<void()> call) override {
    late = std::move(call);
    if (over) late();
    return [this] { ++cancelled; };
  }
  store::EntryPtr get(const schema::Kind&, std::string_view, std::string_view) const override {
    return std::make_shared<store::Entry>();  // the namespace
  }
  std::string field(const schema::Kind&, const store::Entry&, std::string_view) const override { return "Active"; }
  std::vector<store::EntryPtr> marked(const schema::Kind&) const override { return {}; }

  void run_rests() {
    while (!rests.empty()) {
      auto next = std::move(rests.front());
      rests.pop_front();
      next();
    }
  }

  http::Identity who{"somebody", {}, {}};
  std::vector<std::string> said;
  std::deque<std::function<void()>> rests;
  std::function<void()> late;
  int cancelled = 0;
  bool over = false;  // the deadline is
};

// Does what it is told.
class PlayedStep : public Step {
 public:
  using Act = std::function<Answer(WriteRequest&, Pause&)>;
  PlayedStep(std::string name, Act act, std::vector<std::string>& log)
      : name_(std::move(name)), act_(std::move(act)), log_(log) {}
  std::string_view name() const override { return name_; }
  bool handles(const WriteRequest& request) const override { return request.subresource != "unhandled"; }
  Answer mutate(WriteRequest& request, Pause& pause) const override {
    log_.push_back(name_);
    return act_(request, pause);
  }
  Answer validate(const WriteRequest&, Pause&) const override {
    log_.push_back(name_ + " validates");
    return kPass;
  }

 private:
  const std::string name_;
  const Act act_;
  std::vector<std::string>& log_;
};

class ChainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto built = schema::Schema::builtin(kinds::all());
    ASSERT_TRUE(built.ok());
    request_ = std::make_shared<PlayedRequest>(*built);
  }
  void add(const std::string& name, PlayedStep::Act act) {
    steps_.push_back(std::make_shared<PlayedStep>(name, std::move(act), log_));
  }
  void add_passing(const std::string& name) {
    add(name, [](WriteRequest&, Pause&) { return kPass; });
  }
  // Takes its time; the answer is the test's.
  void add_slow(const std::string& name) {
    add(name, [this](WriteRequest&, Pause& pause) -> Answer {
      resume_ = pause.later();
      return kLater;
    });
  }
  void run(Stage stage = Stage::kMutate) {
    chain_ = std::make_unique<Chain>(steps_);
    chain_->run(stage, request_, [this](const Status& status) { done_.push_back(status); });
  }

  std::shared_ptr<PlayedRequest> request_;
  std::vector<StepPtr> steps_;
  std::unique_ptr<Chain> chain_;
  std::vector<std::string> log_;
  std::vector<Status> done_;
  Resume resume_;
};

TEST_F(ChainTest, StepsRunInTheirOrderAndTheirStage) {
  add_passing("one");
  add_passing("two");
  run();
  EXPECT_EQ(log_, (std::vector<std::string>{"one", "two"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_TRUE(done_[0].ok());
  log_.clear();
  run(Stage::kValidate);
  EXPECT_EQ(log_, (std::vector<std::string>{"one validates", "two validates"}));
  EXPECT_TRUE(request_->rests.empty());  // nobody took his time
}

TEST_F(ChainTest, BuiltInStepsComeFirst) {
  std::vector<std::string> names;
  for (const auto& step : builtin_steps()) names.emplace_back(step->name());
  EXPECT_EQ(names, (std::vector<std::string>{"NamespaceLifecycle", "ServiceAccount", "Priority",
                                             "DefaultTolerationSeconds", "DefaultStorageClass",
                                             "PersistentVolumeClaimResize", "RuntimeClass", "CertificateRequester",
                                             "CertificateSubjectRestriction", "DefaultIngressClass", "Unsupported"}));
  add_passing("mine");
  request_->kind = request_->schema->find_resource("", "v1", "namespaces");
  request_->operation = Operation::kDelete;
  request_->name = "kube-system";
  run();
  EXPECT_TRUE(log_.empty());
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].message(), "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
}

TEST_F(ChainTest, ARefusalEndsTheWalk) {
  add("no", [](WriteRequest& request, Pause&) -> Answer { return refused(request, "because"); });
  add_passing("never");
  run();
  EXPECT_EQ(log_, (std::vector<std::string>{"no"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 403);
  EXPECT_EQ(done_[0].message(), "configmaps \"x\" is forbidden: because");
}

TEST_F(ChainTest, WhatAStepDoesNotHandlePassesIt) {
  request_->subresource = "unhandled";
  add("no", [](WriteRequest& request, Pause&) -> Answer { return refused(request, "because"); });
  run();
  EXPECT_TRUE(log_.empty());
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_TRUE(done_[0].ok());
}

TEST_F(ChainTest, GoesOnAfterAStepThatTookItsTime) {
  add_slow("slow");
  add_passing("next");
  run();
  EXPECT_TRUE(done_.empty());
  std::thread([this] { std::exchange(resume_, nullptr)(Status()); }).join();
  // Not on the step's thread.
  EXPECT_EQ(log_, (std::vector<std::string>{"slow"}));
  EXPECT_EQ(request_->cancelled, 1);
  request_->run_rests();
  EXPECT_EQ(log_, (std::vector<std::string>{"slow", "next"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_TRUE(done_[0].ok());
}

TEST_F(ChainTest, RefusedLater) {
  add_slow("slow");
  add_passing("never");
  run();
  resume_(Status::forbidden("no"));
  request_->run_rests();
  EXPECT_EQ(log_, (std::vector<std::string>{"slow"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 403);
}

TEST_F(ChainTest, TheFirstOfTwoAnswersCounts) {
  add_slow("slow");
  run();
  resume_(Status());
  resume_(Status::forbidden("no"));
  request_->run_rests();
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_TRUE(done_[0].ok());
}

TEST_F(ChainTest, AnswersThatComeBeforeTheStepReturns) {
  add("quick", [](WriteRequest&, Pause& pause) -> Answer {
    pause.later()(Status());
    return kLater;
  });
  add_passing("next");
  run();
  EXPECT_TRUE(done_.empty());
  request_->run_rests();
  EXPECT_EQ(log_, (std::vector<std::string>{"quick", "next"}));
  EXPECT_EQ(done_.size(), 1U);
}

TEST_F(ChainTest, AStepThatForgetsItsAnswerFailsTheRequest) {
  add_slow("forgetful");
  run();
  auto copy = resume_;
  resume_ = nullptr;
  request_->run_rests();
  EXPECT_TRUE(done_.empty());  // somebody may still call
  copy = nullptr;
  request_->run_rests();
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 500);
  EXPECT_EQ(done_[0].message(), "admission step forgetful ended without an answer");
}

TEST_F(ChainTest, NoAnswerAtAllFailsTheRequest) {
  add("silent", [](WriteRequest&, Pause&) -> Answer { return kLater; });
  run();
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 500);
}

TEST_F(ChainTest, TheDeadlineAnswersForAStepThatHangs) {
  add_slow("hanging");
  run();
  ASSERT_TRUE(request_->late);
  request_->late();
  request_->run_rests();
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 504);
  EXPECT_NE(done_[0].message().find("admission step hanging has not answered"), std::string::npos);
  resume_(Status());  // too late
  request_->run_rests();
  EXPECT_EQ(done_.size(), 1U);
}

TEST_F(ChainTest, ADeadlineThatIsOverAnswersAtOnceAndLeavesNoTimer) {
  request_->over = true;
  add_slow("hanging");
  add_passing("never");
  run();
  request_->run_rests();
  EXPECT_EQ(log_, (std::vector<std::string>{"hanging"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].code(), 504);
  EXPECT_EQ(request_->cancelled, 1);
}

TEST_F(ChainTest, AnAnswerAtOnceCountsThoughTimeWasAsked) {
  add("hasty", [this](WriteRequest&, Pause& pause) -> Answer {
    resume_ = pause.later();
    return kPass;
  });
  run();
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_TRUE(done_[0].ok());
  resume_(Status::forbidden("no"));
  resume_ = nullptr;
  request_->run_rests();
  EXPECT_EQ(done_.size(), 1U);
}

}  // namespace
}  // namespace gantry::admission
