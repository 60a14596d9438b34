// exec: a command in the container, whose exit code counts. Holds no thread while it runs.
#include "core/node/probes/probe_kind.hpp"

namespace gantry::node::probe_kinds::exec {
namespace {

constexpr size_t kMaxOutput = 10 << 10;

std::string late_text(const ProbeTry& probe) {
  std::string command;
  for (const auto& word : probe.handler.exec().command()) command += (command.empty() ? "" : " ") + word;
  return "command timed out: \"" + command + "\" timed out after " + std::to_string(probe.timeout_seconds) + "s";
}

void start(const ProbeTry& probe, const ProberHooks& hooks, ProbeDone done) {
  const auto& command = probe.handler.exec().command();
  hooks.exec(
      probe.target.container_id, {command.begin(), command.end()}, probe.timeout_seconds,
      [late = late_text(probe), done = std::move(done)](const Expected<std::pair<int, std::string>>& answer) {
        if (!answer && answer.error().code() == 504) return done(ProbeOutcome{ProbeResult::kFailure, late});
        if (!answer) return done(answer.error());
        const auto& [code, output] = *answer;
        done(ProbeOutcome{code == 0 ? ProbeResult::kSuccess : ProbeResult::kFailure, output.substr(0, kMaxOutput)});
      });
}

}  // namespace

ProbeKind kind() {
  return {.is = [](const corev1::ProbeHandler& handler) { return handler.has_exec(); }, .start = start};
}

}  // namespace gantry::node::probe_kinds::exec
