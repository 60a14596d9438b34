// Loader: from the rows on disk to memory, and what is to be done about rows that are not what was written.
//
// Lives while the store is opened, on the opener's thread.
//
// A damaged row that only the history needs costs the history. One that is an object's present state is refused: a
// collector would take the missing object for deleted and delete what it owned. An administrator may allow to go on
// without it.
#pragma once

#include <string>
#include <vector>

#include "core/store/consent.hpp"
#include "core/store/database.hpp"
#include "core/store/memory.hpp"

namespace gantry::store {

class Loader {
 public:
  Loader(std::string name, Database& database, Memory& memory, Consent& consent)
      : name_(std::move(name)), database_(database), memory_(memory), consent_(consent) {}

  // Revisions that had been reached for certain: of what is on disk, and without. 0: by a database that never noted
  // any, or, when `lost`, it is not known any more.
  struct Noted {
    Revision reached = 0, reserved = 0;
    bool lost = false;
  };
  Status run(const Noted& noted);
  // What is on disk ends there now.
  Revision reached() const { return reached_; }

 private:
  struct Suspect {
    std::string key;
    Revision revision = 0;
  };

  bool take(Row row);
  void skip(Revision at);
  void sort_suspects();
  Status check_behind(Noted& noted);
  Status check_damage();
  Status repair(Revision noted);

  const std::string name_;
  Database& database_;
  Memory& memory_;
  Consent& consent_;
  std::vector<Suspect> suspects_;   // rows with a good head and a bad value
  std::vector<Suspect> lost_;       // objects without a state to believe
  std::vector<Revision> unusable_;  // rows of which nothing is known
  size_t nameless_ = 0;             // of those, damaged themselves
  Revision bare_ = 0;               // the last deletion without a state
  Revision reached_ = 0;
  bool history_damaged_ = false;
};

}  // namespace gantry::store
