// Lists and history. Statements are made per call: these are rare, and their text depends on the
// range.

#include "apiserver/storage/revision_errors.h"
#include "apiserver/storage/sqlite/tables.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

constexpr int64_t kHistoryPageEvents = 500;

using KeyRange = Tables::KeyRange;

KeyRange RangeOf(const std::string& prefix, const Key& start_after = "") {
  KeyRange range{prefix, prefix};
  if (!start_after.empty()) range.first = std::max(prefix, start_after + '\0');
  while (!range.last.empty() && range.last.back() == '\xff') range.last.pop_back();
  if (!range.last.empty()) range.last.back() = static_cast<char>(range.last.back() + 1);
  return range;
}
// A condition on `column`, and its parameters 1 and 2.
std::string Within(const KeyRange& range, const std::string& column) {
  const std::string from = column + " >= ?1";
  return range.last.empty() ? from : from + " AND " + column + " < ?2";
}
void Bind(Statement& statement, const KeyRange& range) {
  statement.Bind(1, range.first);
  if (!range.last.empty()) statement.Bind(2, range.last);
}

Value Copy(std::string_view text) { return std::make_shared<const std::string>(text); }

int64_t LimitOf(const ListOptions& options) {
  return options.limit > 0 ? options.limit : std::numeric_limits<int64_t>::max();
}

}  // namespace

Result<ListResult> Tables::List(const ListOptions& options) {
  const Revision at = options.revision == 0 ? revision_ : options.revision;
  TRY_STATUS(CheckReadable(at, revision_, compacted_));
  return at == revision_ ? ListNewest(options) : ListPast(options);
}

Result<ListResult> Tables::ListNewest(const ListOptions& options) {
  ListResult result{.revision = revision_};
  const KeyRange range = RangeOf(options.prefix, options.start_after);
  TRY(Statement list,
      database_->Prepare("SELECT current.key, current.create_revision, mod_revision, value "
                         "FROM current JOIN history ON revision = mod_revision WHERE " +
                         Within(range, "current.key") + " ORDER BY current.key LIMIT ?3"));
  Bind(list, range);
  list.Bind(3, LimitOf(options));
  while (true) {
    TRY(const bool row, list.Step());
    if (!row) break;
    result.items.push_back({.key = Key(list.Text(0)),
                            .value = Copy(list.Text(3)),
                            .create_revision = list.Int(1),
                            .mod_revision = list.Int(2)});
  }
  if (options.limit > 0 && std::ssize(result.items) == options.limit) {
    const KeyRange rest = RangeOf(options.prefix, result.items.back().key);
    TRY(Statement count,
        database_->Prepare("SELECT count(*) FROM current WHERE " + Within(rest, "key")));
    Bind(count, rest);
    TRY(const bool row, count.Step());
    CHECK(row);
    result.remaining = count.Int(0);
  }
  result.more = result.remaining > 0;
  return result;
}

// What each key that was written after a revision held then: the oldest of these writes knows, and
// comes last. Whether the key exists now is known by the newest, which comes first.
Result<Tables::Changes> Tables::ChangesSince(const KeyRange& range, Revision revision) {
  Changes changes;
  TRY(Statement since, database_->Prepare("SELECT key, prev_revision, deleted FROM history WHERE "
                                          "revision > ?3 AND " +
                                          Within(range, "key") + " ORDER BY revision DESC"));
  Bind(since, range);
  since.Bind(3, revision);
  while (true) {
    TRY(const bool row, since.Step());
    if (!row) break;
    const bool exists = since.Int(2) == 0;
    auto [change, first] = changes.try_emplace(Key(since.Text(0)));
    if (first) change->second.exists_now = exists;
    change->second.then = since.Int(1);
  }
  return changes;
}

// How many keys of the range existed then.
Result<int64_t> Tables::CountThen(const KeyRange& range, const Changes& changes) {
  TRY(Statement count,
      database_->Prepare("SELECT count(*) FROM current WHERE " + Within(range, "key")));
  Bind(count, range);
  TRY(const bool row, count.Step());
  CHECK(row);
  int64_t keys = count.Int(0);
  for (auto it = changes.lower_bound(range.first); it != changes.end(); ++it) {
    keys += (it->second.then != 0 ? 1 : 0) - (it->second.exists_now ? 1 : 0);
  }
  return keys;
}

// The present with the writes after options.revision taken back: two sequences in key order, where
// what was written since decides. Only as much of the present is read as the limit asks for.
Result<ListResult> Tables::ListPast(const ListOptions& options) {
  const KeyRange range = RangeOf(options.prefix, options.start_after);
  TRY(const Changes changes, ChangesSince(range, options.revision));
  TRY(Statement now, database_->Prepare("SELECT key, mod_revision FROM current WHERE " +
                                        Within(range, "key") + " ORDER BY key"));
  Bind(now, range);
  TRY(Statement read,
      database_->Prepare("SELECT create_revision, value FROM history WHERE revision = ?1"));
  ListResult result{.revision = options.revision};
  auto take = [&](const Key& key, Revision revision) -> Status {
    if (revision == 0) return Ok();
    TRY(const bool row, read.Bind(1, revision).Step());
    if (!row)
      return MakeError(Reason::kInternalError, "list '" + options.prefix + "': revision " +
                                                   std::to_string(revision) + " is not in history");
    result.items.push_back({.key = key,
                            .value = Copy(read.Text(1)),
                            .create_revision = read.Int(0),
                            .mod_revision = revision});
    read.Reset();
    return Ok();
  };
  auto change = changes.begin();
  const int64_t limit = LimitOf(options);
  TRY(bool more_now, now.Step());
  while (std::ssize(result.items) < limit && (more_now || change != changes.end())) {
    const bool changed = change != changes.end() && (!more_now || change->first <= now.Text(0));
    if (changed) {
      const bool both = more_now && change->first == now.Text(0);
      TRY_STATUS(take(change->first, change->second.then));
      ++change;
      if (!both) continue;
    } else {
      TRY_STATUS(take(Key(now.Text(0)), now.Int(1)));
    }
    TRY(more_now, now.Step());
  }
  if (std::ssize(result.items) == limit) {
    TRY(result.remaining, CountThen(RangeOf(options.prefix, result.items.back().key), changes));
  }
  result.more = result.remaining > 0;
  return result;
}

Result<HistoryPage> Tables::History(const std::string& prefix, Revision after, Revision upto) {
  if (after < compacted_) return CompactedError(after, compacted_);
  HistoryPage page{.events = {}, .through = upto};
  const KeyRange range = RangeOf(prefix);
  TRY(Statement scan,
      database_->Prepare(
          "SELECT h.revision, h.key, h.deleted, h.create_revision, h.prev_revision, h.value, "
          "p.value FROM history h LEFT JOIN history p ON p.revision = h.prev_revision "
          "WHERE h.revision > ?3 AND h.revision <= ?4 AND " +
          Within(range, "h.key") + " ORDER BY h.revision LIMIT ?5"));
  Bind(scan, range);
  scan.Bind(3, after).Bind(4, upto).Bind(5, kHistoryPageEvents);
  while (true) {
    TRY(const bool row, scan.Step());
    if (!row) break;
    auto event = std::make_shared<Event>();
    const bool deleted = scan.Int(2) != 0;
    const bool replaced = scan.Int(4) != 0;
    event->revision = scan.Int(0);
    event->type = deleted ? Event::Type::kDelete : Event::Type::kPut;
    if (replaced) event->previous_value = Copy(scan.Text(6));
    event->kv = {.key = Key(scan.Text(1)),
                 .value = deleted ? event->previous_value : Copy(scan.Text(5)),
                 .create_revision = scan.Int(3),
                 .mod_revision = deleted ? scan.Int(4) : event->revision};
    page.events.push_back(std::move(event));
  }
  if (std::ssize(page.events) == kHistoryPageEvents) page.through = page.events.back()->revision;
  return page;
}

}  // namespace wherry::apiserver::storage
