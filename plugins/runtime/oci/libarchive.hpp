// libarchive as owned objects, and the locale it needs for names in UTF-8. One thread an object.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <memory>
#include <string>

#include "gantry/status.hpp"

namespace gantry::oci {

struct ArchiveFree {
  void operator()(struct archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<struct archive, ArchiveFree>;

inline Status archive_status(struct archive* a, const std::string& what) {
  const char* text = archive_error_string(a);
  return Status::bad_request(what + ": " + (text != nullptr ? text : "damaged archive"));
}

// The compressions that images have. Not all that libarchive knows: some are other programs that it would run.
inline void support_image_filters(struct archive* a) {
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_xz(a);
}

// libarchive converts names by the thread's locale; in "C" it loses those that are not ASCII.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(nullptr) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_, before_;
};

}  // namespace gantry::oci
