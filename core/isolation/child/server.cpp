#include "core/isolation/child/server.hpp"

#include <dlfcn.h>
#include <sys/prctl.h>

#include <vector>

#include "core/isolation/child/plugin_verbs.hpp"
#include "core/isolation/child/sandbox.hpp"
#include "core/isolation/table_mask.hpp"
#include "core/plugin/interface_table.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

Reply refusal(const Status& status) { return {status.code(), {}, to_proto(status).SerializeAsString()}; }

std::string text(const char* from) { return from == nullptr ? std::string() : std::string(from); }

}  // namespace

template <typename Work>
Reply Server::serve_one(Op op, Work&& work) {
  // The daemon's order of calls on different lanes is one of memory too: this process's threads don't see it.
  (void)served_.load(std::memory_order_acquire);
  Reply reply = work();
  served_.fetch_add(1, std::memory_order_acq_rel);
  if (max_frame_ > 0 && reply.response.size() + reply.error.size() > max_frame_) {
    reply = refusal(Status::too_large("the plugin's answer to " + std::string(name_of(op)) + " has " +
                                      std::to_string(reply.response.size()) + " bytes; a frame holds " +
                                      std::to_string(max_frame_)));
  }
  return reply;
}

void Server::serve(Channel lane) {
  Frame frame;
  while (lane.receive(frame) == Io::kOk) {
    const auto reply = serve_one(frame.op, [&] {
      const LaneScope scope(lane);
      return answer(frame, lane);
    });
    if (lane.send({frame.op, Kind::kAnswer, 0, frame.id, {}}, reply.encode()) != Io::kOk) break;
  }
  leave("");
}

Reply Server::answer(Frame& frame, Channel& lane) {
  const PayloadReader in(frame.payload);
  switch (frame.op) {
    case Op::kStart:
      return start(in);
    case Op::kCreate:
      return create(in);
    case Op::kDestroy:
      return destroy();
    default:
      return frame.op < Op::kFirstMember ? call_by_hand(frame, lane) : call_member(frame);
  }
}

Reply Server::call_member(const Frame& frame) {
  const auto verb = plugin_verb(member_of(frame.op));
  if (verb == nullptr || interfaces_.empty()) leave("the daemon called something unknown");
  const auto index = plugin::interface_of(member_of(frame.op)) - plugin::interfaces().data();
  Reply reply;
  if (!verb(interfaces_[static_cast<size_t>(index)], instance_, frame.payload, reply)) {
    leave("a call of the daemon can not be read");
  }
  return reply;
}

Status Server::open(const std::string& path) {
  void* image = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (image == nullptr) return Status::invalid(path + " is not a loadable shared object: " + text(::dlerror()));
  api_ = static_cast<const gantry_plugin_api*>(::dlsym(image, GANTRY_PLUGIN_SYMBOL));
  if (api_ == nullptr) {
    return Status::invalid(path + " has no symbol \"" GANTRY_PLUGIN_SYMBOL
                                  "\": it is not a Gantry plugin (GANTRY_PLUGIN exports it)");
  }
  if (api_->size < sizeof(gantry_plugin_api) || api_->descriptor == nullptr ||
      api_->descriptor->size < sizeof(gantry_plugin_descriptor)) {
    return Status::invalid(path + ": its gantry_plugin is too small or has no descriptor");
  }
  return {};
}

Reply Server::start(PayloadReader in) {
  if (in.number<uint32_t>() != plugin::table_digest()) {
    return refusal(
        Status::unavailable("gantry-plugin-host is of another build than the daemon; start the daemon anew"));
  }
  const std::string path(in.bytes());
  max_frame_ = in.number<uint64_t>();
  link_.set_max_payload(max_frame_);
  const auto memory = in.number<uint64_t>();
  const bool restricted = in.number<uint8_t>() != 0;
  std::vector<std::string> allowed;
  while (!in.empty()) allowed.emplace_back(in.bytes());
  if (auto status = limit_address_space(memory); !status.ok()) return refusal(status);
  if (restricted) {
    if (auto status = restrict_calls(allowed); !status.ok()) return refusal(status);
  }
  link_.start([this](Channel lane) { serve(std::move(lane)); },
              [this](Frame& frame) { return serve_one(frame.op, [&] { return call_member(frame); }); });
  if (auto status = open(path); !status.ok()) return refusal(status);
  const auto& from = *api_->descriptor;
  const auto name = text(from.name);
  ::prctl(PR_SET_NAME, name.substr(0, 15).c_str());
  PayloadWriter out;
  out.number(api_->abi_major).number(api_->abi_minor).bytes(name);
  out.bytes(text(from.version)).bytes(text(from.vendor)).bytes(text(from.description));
  for (const char* const* id = from.interfaces; id != nullptr && *id != nullptr; ++id) out.bytes(text(*id));
  return {0, out.take(), {}};
}

Reply Server::create(PayloadReader in) {
  host_.offered = in.number<uint64_t>();
  host_.log_levels = in.number<uint8_t>();
  host_.host.abi_major = in.number<uint32_t>();
  host_.host.abi_minor = in.number<uint32_t>();
  Buffer error;
  const auto code = api_->create(&host_.host, &instance_, error.out());
  if (code != 0) return {code, {}, std::string(error.view())};
  PayloadWriter out;
  const auto all = plugin::interfaces();
  interfaces_.assign(all.size(), nullptr);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].side != plugin::Side::kPlugin) continue;
    // Only what the descriptor names is asked for, as in the daemon.
    for (const char* const* id = api_->descriptor->interfaces; id != nullptr && *id != nullptr; ++id) {
      if (std::string_view(*id) == all[i].id) interfaces_[i] = api_->get_interface(instance_, *id);
    }
    const bool present = interfaces_[i] != nullptr;
    out.number(static_cast<uint8_t>(present ? 1 : 0));
    out.number(present ? functions_of(interfaces_[i], all[i]) : uint64_t{0});
  }
  return {0, out.take(), {}};
}

Reply Server::destroy() {
  tasks_.drain();
  if (instance_ != nullptr) api_->destroy(instance_);
  instance_ = nullptr;
  interfaces_.clear();
  return {};
}

}  // namespace gantry::isolation
