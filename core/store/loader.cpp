#include "core/store/loader.hpp"

#include <algorithm>

#include "gantry/abi/log.h"

namespace gantry::store {
namespace {

constexpr size_t kNamed = 10;  // objects in one sentence
// Further than any end that may have been cut off.
constexpr Revision kFarBehind = 1'000'000;

std::string in_quotes(std::string_view key) {
  std::string text = "\"";
  for (const char c : key.substr(0, 300)) text += c < 0x20 || c == 0x7f ? '?' : c;
  return text + '"';
}

}  // namespace

Status Loader::run(const Noted& given) {
  Noted noted = given;
  if (Status s = database_.start_load(); !s.ok()) return s;
  memory_.start_at(database_.compacted(), database_.pages());
  if (Status s = database_.load([this](Row row) { return take(std::move(row)); }); !s.ok()) return s;
  sort_suspects();
  if (Status s = check_behind(noted); !s.ok()) return s;
  if (Status s = check_damage(); !s.ok()) return s;
  if (Status s = repair(noted.reached); !s.ok()) return s;
  reached_ = memory_.revision();
  // What has no state can't be told to who watches from before.
  if (bare_ > 0) memory_.compact(bare_);
  if (const Revision told = std::max(database_.reserved(), noted.reserved); told > 0) memory_.begin_behind(told);
  memory_.finish_load();
  database_.loaded();
  return {};
}

bool Loader::take(Row row) {
  const Revision at = row.entry->mod_revision;
  if (row.damage == Damage::kHead) {
    ++nameless_;
    skip(at);
    return true;
  }
  if (row.damage == Damage::kValue) suspects_.push_back({row.entry->key, at});
  if (row.kind == RowKind::kBareDelete) bare_ = at;
  if (memory_.load(std::move(row.entry), row.kind != RowKind::kPut, row.gap)) return true;
  // It may have followed one of those.
  if (nameless_ == 0) return false;
  skip(at);
  return true;
}

void Loader::skip(Revision at) {
  unusable_.push_back(at);
  memory_.skip(at);
}

void Loader::sort_suspects() {
  for (Suspect& suspect : suspects_) {
    const EntryPtr newest = memory_.loaded(suspect.key);
    if (newest && newest->mod_revision == suspect.revision)
      lost_.push_back(std::move(suspect));
    else
      history_damaged_ = true;
  }
}

Status Loader::check_behind(Noted& noted) {
  const Revision end = memory_.revision();
  const std::string ends = "database " + name_ + " ends at revision " + std::to_string(end);
  if (noted.lost && database_.expects_note()) {
    // No revision is given out twice then, and who watches from before is told to begin anew.
    noted.reached = end + kFarBehind;
    return consent_.ask(name_ + ".lock, which holds the last revision that was acknowledged, is missing or damaged: " +
                            ends + ", and whether later writes are lost can't be told",
                        "put that file back as it was", "to go on with what is there");
  }
  if (noted.reached <= end) return {};
  return consent_.ask(ends + ", but revision " + std::to_string(noted.reached) +
                          " had been acknowledged: later writes are lost, or an older copy was put in its place",
                      "put the newer one back, with its -wal file if it had one", "to go on with what is there");
}

Status Loader::check_damage() {
  if (lost_.empty() && nameless_ == 0) return {};
  std::string names;
  for (size_t i = 0; i < std::min(lost_.size(), kNamed); ++i) {
    names +=
        (names.empty() ? "" : ", ") + in_quotes(lost_[i].key) + " of revision " + std::to_string(lost_[i].revision);
  }
  if (lost_.size() > kNamed) names += " and " + std::to_string(lost_.size() - kNamed) + " more";
  if (nameless_ > 0) {
    names += (names.empty() ? "" : ", and ") + std::to_string(nameless_) +
             " that can't be named (the first at revision " + std::to_string(unusable_.front()) + ")";
  }
  return consent_.ask("database " + name_ + " is damaged: these objects are not what was written: " + names,
                      "put a backup in its place",
                      std::string("to start without them: they are gone then") +
                          (nameless_ > 0 ? ", or back in an earlier version," : "") +
                          " and collectors delete what they owned");
}

Status Loader::repair(Revision noted) {
  const bool behind = noted > memory_.revision();
  if (!behind && lost_.empty() && unusable_.empty() && !history_damaged_) return {};
  memory_.compact(memory_.revision());
  for (const Suspect& object : lost_) memory_.lose(object.key);
  if (behind) memory_.skip(noted);
  std::vector<Revision> rows = unusable_;
  const auto dead = memory_.dead_rows(0, SIZE_MAX);
  for (const DeadRow& row : dead) rows.push_back(row.row);
  for (const Suspect& object : lost_) rows.push_back(object.revision);
  Status done = database_.repair(rows, memory_.revision());
  if (done.ok()) memory_.forget_dead_rows(dead.size());
  if (history_damaged_) {
    consent_.say(
        GANTRY_LOG_WARN,
        "database " + name_ + " was damaged in its history, which is dropped; every object is as it was written");
  }
  // History alone can go at another time.
  return lost_.empty() && unusable_.empty() && !behind ? Status() : done;
}

}  // namespace gantry::store
