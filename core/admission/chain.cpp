// Walks a request through the steps. [any-thread]
#include "core/admission/chain.hpp"

#include <string>
#include <utility>

namespace gantry::admission {

// Where a request stands. Copied to where it goes on.
class Chain::Walk : public limits::Asking {
 public:
  Walk(const Chain& chain, Stage stage, WriteRequestPtr request, Done done, size_t at = 0)
      : chain_(chain), stage_(stage), request_(std::move(request)), done_(std::move(done)), at_(at) {}

  void go() {
    for (; at_ < chain_.steps_.size(); ++at_) {
      const auto& step = *chain_.steps_[at_];
      if (!step.handles(*request_)) continue;
      const auto answer =
          settle(stage_ == Stage::kMutate ? step.mutate(*request_, *this) : step.validate(*request_, *this));
      if (!answer) return;
      if (!answer->ok()) return done_(*answer);
    }
    done_({});
  }

 private:
  std::string asked() const override { return "admission step " + std::string(chain_.steps_[at_]->name()); }
  std::shared_ptr<limits::Waiter> waiter() const override { return request_; }
  std::function<void(Status)> rest() const override {
    return [&chain = chain_, stage = stage_, request = request_, done = done_, next = at_ + 1](Status status) {
      if (!status.ok()) return done(std::move(status));
      Walk(chain, stage, request, done, next).go();
    };
  }

  const Chain& chain_;
  const Stage stage_;
  const WriteRequestPtr request_;
  const Done done_;
  size_t at_;
};

Chain::Chain(std::vector<StepPtr> more) : steps_(builtin_steps()) {
  for (auto& step : more) steps_.push_back(std::move(step));
}

void Chain::run(Stage stage, const WriteRequestPtr& request, Done done) const {
  Walk(*this, stage, request, std::move(done)).go();
}

}  // namespace gantry::admission
