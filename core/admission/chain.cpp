// Walks a request through the steps. [any-thread]
#include "core/admission/chain.hpp"

#include <mutex>
#include <string>
#include <utility>

namespace gantry::admission {
namespace {

// The answer of one step that takes its time. Shared by the Resume and the deadline; whoever is first counts.
class Waiting : public std::enable_shared_from_this<Waiting> {
 public:
  Waiting(std::string_view step, WriteRequestPtr request, std::function<void(Status)> then)
      : step_(step), request_(std::move(request)), then_(std::move(then)) {}

  void arm() {
    auto cancel = request_->at_deadline([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->answer(self->too_late());
    });
    const std::lock_guard lock(mutex_);
    if (then_) {
      cancel_ = std::move(cancel);
    } else if (cancel) {
      cancel();
    }
  }
  void answer(Status status) {
    std::function<void(Status)> then;
    std::function<void()> cancel;
    {
      const std::lock_guard lock(mutex_);
      then = std::exchange(then_, nullptr);
      cancel = std::exchange(cancel_, nullptr);
    }
    if (cancel) cancel();
    if (!then) return;
    const auto request = std::exchange(request_, nullptr);
    request->go_on([then = std::move(then), status = std::move(status)] { then(status); });
  }
  // The step has answered at once after all.
  void forget() {
    const std::lock_guard lock(mutex_);
    then_ = nullptr;
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }
  Status no_answer() const {
    return Status::internal("admission step " + std::string(step_) + " ended without an answer");
  }

 private:
  Status too_late() const {
    return Status::timeout("Timeout: request did not complete within the allotted timeout: admission step " +
                           std::string(step_) + " has not answered");
  }

  const std::string_view step_;
  std::mutex mutex_;
  WriteRequestPtr request_;           // until it is answered
  std::function<void(Status)> then_;  // by mutex
  std::function<void()> cancel_;      // by mutex
};

// Answers when the last copy of a Resume goes.
class LastCopy {
 public:
  explicit LastCopy(std::shared_ptr<Waiting> waiting) : waiting_(std::move(waiting)) {}
  ~LastCopy() { waiting_->answer(waiting_->no_answer()); }
  LastCopy(const LastCopy&) = delete;
  LastCopy& operator=(const LastCopy&) = delete;
  Waiting& waiting() const { return *waiting_; }

 private:
  const std::shared_ptr<Waiting> waiting_;
};

}  // namespace

// Where a request stands. Copied to where it goes on.
class Chain::Walk : public Pause {
 public:
  Walk(const Chain& chain, Stage stage, WriteRequestPtr request, Done done, size_t at = 0)
      : chain_(chain), stage_(stage), request_(std::move(request)), done_(std::move(done)), at_(at) {}

  void go() {
    for (; at_ < chain_.steps_.size(); ++at_) {
      const auto& step = *chain_.steps_[at_];
      if (!step.handles(*request_)) continue;
      const auto answer = stage_ == Stage::kMutate ? step.mutate(*request_, *this) : step.validate(*request_, *this);
      if (!answer && waiting_) return;
      if (waiting_) std::exchange(waiting_, nullptr)->forget();
      if (!answer) return done_(Status::internal("admission step " + std::string(step.name()) + " gave no answer"));
      if (!answer->ok()) return done_(*answer);
    }
    done_({});
  }

  Resume later() override {
    auto then = [&chain = chain_, stage = stage_, request = request_, done = done_, next = at_ + 1](Status status) {
      if (!status.ok()) return done(std::move(status));
      Walk(chain, stage, request, done, next).go();
    };
    auto waiting = std::make_shared<Waiting>(chain_.steps_[at_]->name(), request_, std::move(then));
    if (waiting_) waiting_->forget();
    waiting_ = waiting;
    waiting->arm();
    return [last = std::make_shared<LastCopy>(std::move(waiting))](Status status) {
      last->waiting().answer(std::move(status));
    };
  }

 private:
  const Chain& chain_;
  const Stage stage_;
  const WriteRequestPtr request_;
  const Done done_;
  size_t at_;
  std::shared_ptr<Waiting> waiting_;  // of the step that runs
};

Chain::Chain(std::vector<StepPtr> more) : steps_(builtin_steps()) {
  for (auto& step : more) steps_.push_back(std::move(step));
}

void Chain::run(Stage stage, const WriteRequestPtr& request, Done done) const {
  Walk(*this, stage, request, std::move(done)).go();
}

}  // namespace gantry::admission
