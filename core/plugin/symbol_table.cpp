#include "core/plugin/symbol_table.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSections = 4096;
constexpr size_t kMaxNote = 4096;

}  // namespace

SymbolTable::SymbolTable(const fs::path& image, const fs::path& original) {
  if (image.empty() || open(image)) return;
  const auto wanted = build_id_;
  if (wanted.empty()) return;
  // A plugin is often a link to where it was built.
  std::error_code failed;
  auto real = fs::canonical(original, failed);
  if (failed) real = original;
  const auto name = real.filename().string() + ".debug";
  for (const auto& candidate : {real.parent_path() / name, real.parent_path() / ".debug" / name}) {
    if (fs::is_regular_file(candidate, failed) && open(candidate) && build_id_ == wanted) return;
  }
  symbols_.clear();
}

bool SymbolTable::open(const fs::path& file) {
  file_ = std::ifstream(file, std::ios::binary);
  symbols_.clear();
  build_id_.clear();
  Elf64_Ehdr header{};
  if (!read_at(0, &header, 1) || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > kMaxSections)
    return false;
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!read_at(header.e_shoff, sections.data(), sections.size())) return false;
  for (const auto& section : sections) {
    if (section.sh_type == SHT_NOTE && build_id_.empty()) read_build_id(section);
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size() || section.sh_size > kMaxTable) continue;
    symbols_.resize(section.sh_size / sizeof(Elf64_Sym));
    names_ = sections[section.sh_link];
    if (!read_at(section.sh_offset, symbols_.data(), symbols_.size())) symbols_.clear();
  }
  return !symbols_.empty();
}

bool SymbolTable::read_build_id(const Elf64_Shdr& section) {
  if (section.sh_size > kMaxNote || section.sh_size < sizeof(Elf64_Nhdr)) return false;
  std::string note(section.sh_size, '\0');
  if (!read_at(section.sh_offset, note.data(), note.size())) return false;
  Elf64_Nhdr head{};
  note.copy(reinterpret_cast<char*>(&head), sizeof head);
  const size_t begin = sizeof head + ((size_t{head.n_namesz} + 3) & ~size_t{3});
  if (head.n_type != NT_GNU_BUILD_ID || begin + head.n_descsz > note.size()) return false;
  build_id_ = note.substr(begin, head.n_descsz);
  return true;
}

std::string SymbolTable::find(uint64_t offset) {
  for (const auto& symbol : symbols_) {
    const bool function = ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_name < names_.sh_size;
    if (!function || offset < symbol.st_value || offset >= symbol.st_value + symbol.st_size) continue;
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(names_.sh_offset + symbol.st_name));
    std::string name;
    std::getline(file_, name, '\0');
    return name;
  }
  return {};
}

template <typename T>
bool SymbolTable::read_at(uint64_t offset, T* into, size_t count) {
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(offset));
  file_.read(reinterpret_cast<char*>(into), static_cast<std::streamsize>(sizeof(T) * count));
  return file_.good();
}

}  // namespace gantry::plugin
