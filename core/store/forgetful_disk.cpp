#include "core/store/forgetful_disk.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace gantry::store {
namespace {

constexpr int64_t kSector = 512;

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

uint32_t next(uint32_t& random) {
  random = random * 1'664'525U + 1'013'904'223U;
  return random >> 16;
}

}  // namespace

// What SQLite holds; the real file's memory follows it.
struct ForgetfulDisk::Handle {
  sqlite3_file base;
  ForgetfulDisk* disk;
  File* file;  // null: a temporary one
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
};

ForgetfulDisk::ForgetfulDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  vfs_.zName = "forgetful";
  vfs_.szOsFile = static_cast<int>(sizeof(Handle)) + real_->szOsFile;
  vfs_.pAppData = this;
  vfs_.pNext = nullptr;
  vfs_.xOpen = &ForgetfulDisk::open;
  vfs_.xDelete = &ForgetfulDisk::remove;
  sqlite3_vfs_register(&vfs_, 1);
}

ForgetfulDisk::~ForgetfulDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

void ForgetfulDisk::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
}

void ForgetfulDisk::cut_at(int operation) {
  const std::lock_guard lock(mutex_);
  cut_at_ = operations_ + operation;
}

bool ForgetfulDisk::is_cut() const {
  const std::lock_guard lock(mutex_);
  return cut_;
}

void ForgetfulDisk::set_full(std::function<bool()> full) {
  const std::lock_guard lock(mutex_);
  full_ = std::move(full);
}

void ForgetfulDisk::fail_syncs(bool fail) {
  const std::lock_guard lock(mutex_);
  fail_syncs_ = fail;
}

int ForgetfulDisk::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void ForgetfulDisk::apply(const Change& change, std::string& image) {
  const auto offset = static_cast<size_t>(change.offset);
  if (change.truncates) return image.resize(std::min(image.size(), offset));
  if (image.size() < offset + change.bytes.size()) image.resize(offset + change.bytes.size());
  image.replace(offset, change.bytes.size(), change.bytes);
}

// A write is in the disk's queue as sectors, of which some were at their place when the power went.
void ForgetfulDisk::apply_parts(const Change& change, uint32_t& random, std::string& image) {
  if (change.truncates) {
    if (next(random) % 2 == 0) apply(change, image);
    return;
  }
  const bool whole = next(random) % 2 == 0;
  const auto size = static_cast<int64_t>(change.bytes.size());
  for (int64_t at = 0; at < size;) {
    const int64_t end = std::min(size, (change.offset + at) / kSector * kSector + kSector - change.offset);
    if (whole || next(random) % 2 == 0) {
      const auto part = change.bytes.substr(static_cast<size_t>(at), static_cast<size_t>(end - at));
      apply({false, change.offset + at, part}, image);
    }
    at = end;
  }
}

void ForgetfulDisk::restore(uint32_t seed) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, file] : files_) {
    std::string image = file.synced;
    for (const Change& change : file.since) {
      if (seed != 0) apply_parts(change, seed, image);
    }
    std::ofstream(name, std::ios::binary | std::ios::trunc) << image;
  }
  files_.clear();
  cut_ = false;
  cut_at_ = 0;
}

bool ForgetfulDisk::powered() {
  ++operations_;
  cut_ = cut_ || operations_ == cut_at_;
  return !cut_;
}

int ForgetfulDisk::write(Handle& handle, const void* bytes, int size, int64_t offset) {
  const std::lock_guard lock(mutex_);
  if (!powered()) return SQLITE_IOERR_WRITE;
  auto* real = handle.real();
  sqlite3_int64 end = 0;
  real->pMethods->xFileSize(real, &end);
  if (full_ && offset + size > end && full_()) return SQLITE_FULL;
  if (handle.file != nullptr) {
    handle.file->since.push_back(
        {false, offset, std::string(static_cast<const char*>(bytes), static_cast<size_t>(size))});
  }
  return real->pMethods->xWrite(real, bytes, size, offset);
}

int ForgetfulDisk::truncate(Handle& handle, int64_t size) {
  const std::lock_guard lock(mutex_);
  if (!powered()) return SQLITE_IOERR_TRUNCATE;
  if (handle.file != nullptr) handle.file->since.push_back({true, size, {}});
  auto* real = handle.real();
  return real->pMethods->xTruncate(real, size);
}

// The real file need not be synced: a test loses no power.
int ForgetfulDisk::sync(Handle& handle) {
  const std::lock_guard lock(mutex_);
  if (!powered() || fail_syncs_) return SQLITE_IOERR_FSYNC;
  if (handle.file == nullptr) return SQLITE_OK;
  for (const Change& change : handle.file->since) apply(change, handle.file->synced);
  handle.file->since.clear();
  return SQLITE_OK;
}

int ForgetfulDisk::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto& disk = *static_cast<ForgetfulDisk*>(vfs->pAppData);
  Handle& handle = Handle::of(file);
  handle.base.pMethods = nullptr;
  const std::lock_guard lock(disk.mutex_);
  if (disk.cut_) return SQLITE_CANTOPEN;
  const int rc = disk.real_->xOpen(disk.real_, name, handle.real(), flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  handle.disk = &disk;
  handle.file = nullptr;
  if (name != nullptr) {
    const auto [found, is_new] = disk.files_.try_emplace(name);
    if (is_new) found->second.synced = read_whole(name);
    handle.file = &found->second;
  }
  handle.base.pMethods = methods();
  return SQLITE_OK;
}

// A removal counts as synced: of all that a cut could do to it, that loses most.
int ForgetfulDisk::remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  auto& disk = *static_cast<ForgetfulDisk*>(vfs->pAppData);
  const std::lock_guard lock(disk.mutex_);
  if (!disk.powered()) return SQLITE_IOERR_DELETE;
  disk.files_.erase(name);
  return disk.real_->xDelete(disk.real_, name, sync_folder);
}

// The calls that go through as they are.
template <auto Method, typename... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* real = ForgetfulDisk::real_of(file);
  return (real->pMethods->*Method)(real, arguments...);
}

sqlite3_file* ForgetfulDisk::real_of(sqlite3_file* file) { return Handle::of(file).real(); }

// A hint of a size to come would be a change behind our back.
int ForgetfulDisk::control(sqlite3_file* file, int operation, void* argument) {
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_NOTFOUND;
  return pass<&sqlite3_io_methods::xFileControl>(file, operation, argument);
}

const sqlite3_io_methods* ForgetfulDisk::methods() {
  using M = sqlite3_io_methods;
  static const M kMethods = [] {
    M m{};
    m.iVersion = 1;
    m.xClose = &pass<&M::xClose>;
    m.xRead = &pass<&M::xRead, void*, int, sqlite3_int64>;
    m.xWrite = [](sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset) {
      return Handle::of(f).disk->write(Handle::of(f), bytes, size, offset);
    };
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return Handle::of(f).disk->truncate(Handle::of(f), size); };
    m.xSync = [](sqlite3_file* f, int) { return Handle::of(f).disk->sync(Handle::of(f)); };
    m.xFileSize = &pass<&M::xFileSize, sqlite3_int64*>;
    m.xLock = &pass<&M::xLock, int>;
    m.xUnlock = &pass<&M::xUnlock, int>;
    m.xCheckReservedLock = &pass<&M::xCheckReservedLock, int*>;
    m.xFileControl = &ForgetfulDisk::control;
    m.xSectorSize = &pass<&M::xSectorSize>;
    m.xDeviceCharacteristics = &pass<&M::xDeviceCharacteristics>;
    return m;
  }();
  return &kMethods;
}

}  // namespace gantry::store
