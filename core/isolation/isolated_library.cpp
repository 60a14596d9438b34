#include "core/isolation/isolated_library.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <system_error>
#include <utility>

#include "core/isolation/marshal.hpp"
#include "core/isolation/proxy_tables.hpp"
#include "core/isolation/session.hpp"
#include "core/plugin/interface_checks.hpp"
#include "core/plugin/interface_table.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

namespace fs = std::filesystem;

// gantry_plugin_api.create has no argument that says which library it belongs to, so each library has a create of its
// own: as many as there are slots.
constexpr size_t kSlots = 128;

// The strings of a descriptor and the descriptor that points to them.
struct Descriptor {
  uint32_t abi_major = 0, abi_minor = 0;
  std::string name, version, vendor, description;
  std::vector<std::string> ids;
  std::vector<const char*> id_pointers;
  gantry_plugin_descriptor raw{};

  bool decode(const std::string& bytes);
};

bool Descriptor::decode(const std::string& bytes) {
  PayloadReader in(bytes);
  abi_major = in.number<uint32_t>();
  abi_minor = in.number<uint32_t>();
  for (std::string* text : {&name, &version, &vendor, &description}) *text = in.bytes();
  while (!in.empty()) ids.emplace_back(in.bytes());
  if (!in.done()) return false;
  for (const auto& id : ids) id_pointers.push_back(id.c_str());
  id_pointers.push_back(nullptr);
  raw = {sizeof raw, name.c_str(), version.c_str(), vendor.c_str(), description.c_str(), id_pointers.data()};
  return true;
}

// The masks of the tables that the instance has, one for each interface of a plugin.
bool read_tables(std::string_view bytes, Remote& remote) {
  PayloadReader in(bytes);
  for (size_t i = 0; i < plugin::interfaces().size(); ++i) {
    if (plugin::interfaces()[i].side != plugin::Side::kPlugin) continue;
    const bool present = in.number<uint8_t>() != 0;
    const auto mask = in.number<uint64_t>();
    if (present) remote.add_table(i, mask);
  }
  return in.done();
}

class IsolatedLibrary final : public plugin::LoadedLibrary {
 public:
  explicit IsolatedLibrary(fs::path file) : file_(std::move(file)) {}
  ~IsolatedLibrary() override;
  Status load(const IsolationOptions& options);
  const gantry_plugin_api& api() const override { return api_; }
  const fs::path& copy() const override { return mapped_here_; }
  bool lost() const override { return session_->lost(); }
  void hurry() override { session_->hurry(); }
  bool call_later(const plugin::Member& member, std::string_view request, const Answered& answered) override;

  gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error);

 private:
  static void destroy(void* instance);
  static const void* get_interface(void* instance, const char* id) { return static_cast<Remote*>(instance)->table(id); }
  Status take_slot();

  fs::path file_;
  const fs::path mapped_here_;  // empty: nothing is
  std::shared_ptr<Session> session_;
  Descriptor descriptor_;
  gantry_plugin_api api_{};
  size_t slot_ = kSlots;
  std::atomic<bool> busy_{false};  // an instance exists
};

std::array<std::atomic<IsolatedLibrary*>, kSlots> slots;

template <size_t slot>
gantry_code create_in(const gantry_host* host, void** instance, gantry_buffer* error) {
  return slots[slot].load()->create(host, instance, error);
}

using Create = gantry_code (*)(const gantry_host*, void**, gantry_buffer*);
template <size_t... slot>
constexpr std::array<Create, kSlots> creates(std::index_sequence<slot...>) {
  return {&create_in<slot>...};
}
constexpr auto kCreates = creates(std::make_index_sequence<kSlots>());

IsolatedLibrary::~IsolatedLibrary() {
  if (session_ != nullptr) session_->close();
  if (slot_ < kSlots) slots[slot_].store(nullptr);
  std::error_code ignored;
  fs::remove(file_, ignored);
}

bool IsolatedLibrary::call_later(const plugin::Member& member, std::string_view request, const Answered& answered) {
  using Verb = Marshal<true, gantry_code, gantry_slice, gantry_buffer*, gantry_buffer*>;
  session_->call_later(op_of(member.number), Verb::request(to_slice(request), nullptr, nullptr),
                       [answered](Reply reply) { answered(reply.code, std::move(reply.response), reply.error); });
  return true;
}

Status IsolatedLibrary::take_slot() {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    IsolatedLibrary* free = nullptr;
    if (!slots[slot].compare_exchange_strong(free, this)) continue;
    slot_ = slot;
    return {};
  }
  return Status::unavailable("more than " + std::to_string(kSlots) + " plugins with isolation = \"process\"");
}

Status IsolatedLibrary::load(const IsolationOptions& options) {
  if (auto status = take_slot(); !status.ok()) return status;
  auto session = Session::start(options);
  if (!session) return std::move(session).error();
  session_ = std::move(*session);
  PayloadWriter start;
  start.number(plugin::table_digest());
  start.bytes(file_.string()).number(static_cast<uint64_t>(options.max_frame));
  start.number(session_->memory_limited() ? uint64_t{0} : options.memory_limit);
  start.number(static_cast<uint8_t>(options.seccomp ? 1 : 0));
  for (const auto& name : options.seccomp_allow) start.bytes(name);
  const auto reply = session_->call(Op::kStart, start.view(), Session::Where::kMain);
  if (reply.code != 0) return status_of(reply.code, reply.error);
  if (!descriptor_.decode(reply.response)) return Status::unavailable("the plugin's descriptor can not be read");
  for (const auto& id : descriptor_.ids) {
    if (!plugin::known_interface(id)) {
      return Status::invalid("interface " + id + " does not work with isolation = \"process\"");
    }
  }
  api_ = {sizeof api_,     descriptor_.abi_major,     descriptor_.abi_minor,          &descriptor_.raw,
          kCreates[slot_], &IsolatedLibrary::destroy, &IsolatedLibrary::get_interface};
  return {};
}

gantry_code IsolatedLibrary::create(const gantry_host* host, void** instance, gantry_buffer* error) {
  if (busy_.exchange(true)) {
    return fail(Status::conflict("a plugin's process holds one instance at a time"), error);
  }
  session_->bridge().attach(host);
  const auto payload = PayloadWriter()
                           .number(session_->bridge().offered())
                           .number(session_->bridge().log_levels())
                           .number(host->abi_major)
                           .number(host->abi_minor)
                           .take();
  auto reply = session_->call(Op::kCreate, payload, Session::Where::kMain);
  auto remote = std::make_unique<Remote>(session_, busy_);
  if (reply.code == 0 && !read_tables(reply.response, *remote)) {
    session_->complain("the answer to create can not be read");
    reply = {500, {}, {}};
  }
  if (reply.code != 0) {
    session_->bridge().detach();
    busy_ = false;
    return give(std::move(reply), nullptr, error);
  }
  *instance = remote.release();
  return 0;
}

void IsolatedLibrary::destroy(void* instance) {
  const std::unique_ptr<Remote> remote(static_cast<Remote*>(instance));
  // Over there this waits for the plugin's tasks, which may still ask their host.
  remote->session->call(Op::kDestroy, {}, Session::Where::kMain);
  remote->session->bridge().set_sink(nullptr, nullptr);
  remote->session->bridge().detach();
  remote->busy = false;
}

}  // namespace

Expected<std::unique_ptr<plugin::LoadedLibrary>> open_isolated(IsolationOptions options) {
  auto library = std::make_unique<IsolatedLibrary>(options.copy);
  if (auto status = library->load(options); !status.ok()) return status;
  return std::unique_ptr<plugin::LoadedLibrary>(std::move(library));
}

}  // namespace gantry::isolation
