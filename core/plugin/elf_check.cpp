#include "core/plugin/elf_check.hpp"

#include <elf.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include "core/files/errno_status.hpp"

namespace gantry::plugin {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
constexpr uint16_t kMachine = EM_NONE;
#endif

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine " + std::to_string(machine);
  }
}

Status truncated(uint64_t size, uint64_t end) {
  return Status::invalid("the file is truncated: it has " + std::to_string(size) + " bytes, its segments end at " +
                         std::to_string(end));
}

}  // namespace

Status check_elf(const std::filesystem::path& image) {
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(image, failed);
  errno = 0;
  std::ifstream file(image, std::ios::binary);
  if (!failed && !file) failed = {errno, std::generic_category()};
  if (failed) return files::status_of_errno(image.string(), failed.value());
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return Status::invalid("it is no ELF file");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Status::invalid("it is built for another word size or byte order");
  }
  if (kMachine != EM_NONE && header.e_machine != kMachine) {
    return Status::invalid("it is built for " + machine_name(header.e_machine) + ", this is " + machine_name(kMachine));
  }
  if (header.e_type != ET_DYN) return Status::invalid("it is no shared object");
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return Status::invalid("its program headers have an unknown size");
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return truncated(size, header.e_phoff);
    const uint64_t end = segment.p_offset + segment.p_filesz;
    if (segment.p_type == PT_LOAD && (end < segment.p_offset || end > size)) return truncated(size, end);
  }
  return {};
}

}  // namespace gantry::plugin
