// Chooses what a list shows of what is there, in turns. [any-thread]
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/listing.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::apiserver {
namespace {

// So many bytes of documents, about ten milliseconds, are a turn; so many objects lie between two looks at the peer.
constexpr size_t kLookTurn = 1 << 20;
constexpr size_t kBetweenLooks = 64;

class Choice : public std::enable_shared_from_this<Choice> {
 public:
  Choice(CallPtr call, ListQuery query, store::ListResult found, std::function<void(ListPage)> done)
      : call_(std::move(call)),
        query_(std::move(query)),
        found_(std::move(found)),
        done_(std::move(done)),
        stored_(call_->kind()),
        cost_(*call_, !query_.selection.empty()) {
    page_.revision = found_.revision;
  }

  size_t cost() const {
    size_t bytes = 0;
    for (const auto& entry : found_.entries) bytes += cost_.of(*entry);
    return bytes;
  }

  void go_on() {
    // Simulated time knows no threads to share, and a server that stops waits for what is left.
    const bool in_turns = !call_->env->stopping && simulation::Turns::current() == nullptr;
    size_t work = 0;
    for (; next_ < found_.entries.size() && !full_; ++next_) {
      if ((work == 0 || next_ % kBetweenLooks == 0) && !awaited(*call_)) return;
      if (in_turns && work > kLookTurn) {
        return later(call_, SIZE_MAX, [self = shared_from_this()] { self->go_on(); });
      }
      work += cost_.of(*found_.entries[next_]);
      look_at(std::move(found_.entries[next_]));
    }
    finish();
  }

 private:
  void look_at(store::EntryPtr entry) {
    auto seen = stored_.seen(std::move(entry));
    if (!query_.all_match() && !query_.selection.matches(call_->kind(), *seen)) return;
    if (query_.limit != 0 && page_.entries.size() == query_.limit) {
      full_ = true;
      return;
    }
    // Made here, where there are turns; the answer then finds it.
    if (call_->form.media == schema::Media::kProtobuf) protobuf(call_->kind(), *seen);
    page_.entries.push_back(std::move(seen));
  }

  void finish() {
    if (query_.all_match() && found_.more) page_.remaining = found_.remaining;
    if ((found_.more || full_) && !page_.entries.empty()) {
      const std::string_view last = page_.entries.back()->key;
      page_.continuation = continue_token(page_.revision, last.substr(query_.prefix.size()));
    }
    found_ = {};
    // All have been looked at; whoever asks next is spared it.
    const auto& only = query_.selection.only;
    if (only.field && !only.value.empty() && !full_) call_->env->store.index(key_prefix(call_->kind()), only.field);
    query_ = {};  // and what its selectors are charged for
    done_(std::move(page_));
  }

  const CallPtr call_;
  ListQuery query_;
  store::ListResult found_;
  const std::function<void(ListPage)> done_;
  const StoredAs stored_;
  const ReadingCost cost_;
  ListPage page_;
  size_t next_ = 0;
  bool full_ = false;  // and there is more
};

}  // namespace

void choose(const CallPtr& call, ListQuery query, store::ListResult found, std::function<void(ListPage)> done) {
  auto choice = std::make_shared<Choice>(call, std::move(query), std::move(found), std::move(done));
  at_leisure(call, choice->cost(), [choice] { choice->go_on(); });
}

}  // namespace gantry::apiserver
