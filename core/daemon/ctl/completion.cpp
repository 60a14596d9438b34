#include "core/daemon/ctl/completion.hpp"

#include "core/daemon/ctl/plugin_new.hpp"

namespace gantry::ctl {
namespace {

// Names come from the daemon that the line already names with --config.
constexpr const char* kBash = R"sh(# bash completion for gantryctl: source <(gantryctl completion bash)
_gantryctl() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} i
  local plain=() config=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -c|--config) config=(--config "${COMP_WORDS[i+1]}"); ((i++)) ;;
      -o|--output|--dir) ((i++)) ;;
      -*) ;;
      *) plain+=("${COMP_WORDS[i]}") ;;
    esac
  done
  local choices=
  case $previous in
    -c|--config) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --dir) COMPREPLY=($(compgen -d -- "$word")); return ;;
    -o|--output)
      case "${plain[*]}" in
        "image list"|"plugin list") choices="json wide name" ;;
        *) choices="json" ;;
      esac
      COMPREPLY=($(compgen -W "$choices" -- "$word")); return ;;
  esac
  case "${plain[*]}" in
    "") choices="status kubeconfig image plugin clock completion help --config --help --version" ;;
    image) choices="list import rm" ;;
    clock) choices="advance --output" ;;
    plugin) choices="list show reload enable disable verify new" ;;
    completion) choices="bash zsh" ;;
    "plugin new") choices="@KINDS@" ;;
    "plugin new "*) choices="--dir" ;;
    kubeconfig) choices="--raw" ;;
    "image import") COMPREPLY=($(compgen -f -- "$word")); return ;;
    "image rm"*) choices=$(gantryctl "${config[@]}" image list -o name 2>/dev/null) ;;
    "plugin verify") COMPREPLY=($(compgen -f -- "$word")); return ;;
    "plugin show"|"plugin reload"|"plugin enable"|"plugin disable") choices=$(gantryctl "${config[@]}" plugin list -o name 2>/dev/null) ;;
    "image list"|"plugin list"|status) choices="--output" ;;
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$word"))
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$word"
}
complete -F _gantryctl gantryctl
)sh";

constexpr const char* kZsh = R"sh(#compdef gantryctl
# zsh completion for gantryctl: source <(gantryctl completion zsh)
_gantryctl() {
  local -a plain choices config
  local i
  for ((i = 2; i < CURRENT; i++)); do
    case ${words[i]} in
      -c|--config) config=(--config "${words[i+1]}"); ((i++)) ;;
      -o|--output|--dir) ((i++)) ;;
      -*) ;;
      *) plain+=("${words[i]}") ;;
    esac
  done
  case ${words[CURRENT-1]} in
    -c|--config) _files; return ;;
    --dir) _files -/; return ;;
    -o|--output)
      case "${plain[*]}" in
        "image list"|"plugin list") choices=(json wide name) ;;
        *) choices=(json) ;;
      esac
      compadd -a choices; return ;;
  esac
  case "${plain[*]}" in
    "") choices=(status kubeconfig image plugin clock completion help --config --help --version) ;;
    image) choices=(list import rm) ;;
    clock) choices=(advance --output) ;;
    plugin) choices=(list show reload enable disable verify new) ;;
    completion) choices=(bash zsh) ;;
    "plugin new") choices=(@KINDS@) ;;
    "plugin new "*) choices=(--dir) ;;
    kubeconfig) choices=(--raw) ;;
    "image import") _files; return ;;
    "image rm"*) choices=(${(f)"$(gantryctl $config image list -o name 2>/dev/null)"}) ;;
    "plugin verify") _files; return ;;
    "plugin show"|"plugin reload"|"plugin enable"|"plugin disable") choices=(${(f)"$(gantryctl $config plugin list -o name 2>/dev/null)"}) ;;
    "image list"|"plugin list"|status) choices=(--output) ;;
  esac
  compadd -a choices
}
compdef _gantryctl gantryctl
)sh";

std::string filled(std::string script) {
  constexpr std::string_view kMark = "@KINDS@";
  std::string kinds;
  for (const auto& kind : template_kinds()) kinds += (kinds.empty() ? "" : " ") + kind;
  return script.replace(script.find(kMark), kMark.size(), kinds);
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return filled(kBash);
  if (shell == "zsh") return filled(kZsh);
  return {};
}

}  // namespace gantry::ctl
