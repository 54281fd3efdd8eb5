// Lists and history. Statements are made per call: these are rare, and their text depends on the
// range.

#include "apiserver/storage/revision_errors.h"
#include "apiserver/storage/sqlite/tables.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

constexpr int64_t kHistoryPageEvents = 500;

// The keys under a prefix and above start_after: first <= key < last; an empty last is no bound.
struct KeyRange {
  std::string first;
  std::string last;
};
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

// The present with the writes after options.revision taken back.
Result<ListResult> Tables::ListPast(const ListOptions& options) {
  const KeyRange range = RangeOf(options.prefix, options.start_after);
  // What each key that was written since held then: a revision, 0 for nothing. The oldest write
  // after the asked revision knows, and comes last.
  std::map<Key, Revision, std::less<>> then;
  TRY(Statement since, database_->Prepare("SELECT key, prev_revision FROM history WHERE revision > "
                                          "?3 AND " +
                                          Within(range, "key") + " ORDER BY revision DESC"));
  Bind(since, range);
  since.Bind(3, options.revision);
  while (true) {
    TRY(const bool row, since.Step());
    if (!row) break;
    then.insert_or_assign(Key(since.Text(0)), since.Int(1));
  }
  // Keys that exist and were not written since.
  TRY(Statement now, database_->Prepare("SELECT key, mod_revision FROM current WHERE " +
                                        Within(range, "key") + " ORDER BY key"));
  Bind(now, range);
  while (true) {
    TRY(const bool row, now.Step());
    if (!row) break;
    then.try_emplace(Key(now.Text(0)), now.Int(1));
  }

  ListResult result{.revision = options.revision};
  TRY(Statement read,
      database_->Prepare("SELECT create_revision, value FROM history WHERE revision = ?1"));
  for (const auto& [key, revision] : then) {
    if (revision == 0) continue;
    if (std::ssize(result.items) == LimitOf(options)) {
      ++result.remaining;
      continue;
    }
    TRY(const bool row, read.Bind(1, revision).Step());
    if (!row)
      return MakeError(Reason::kInternalError, "list '" + options.prefix + "': revision " +
                                                   std::to_string(revision) + " is not in history");
    result.items.push_back({.key = key,
                            .value = Copy(read.Text(1)),
                            .create_revision = read.Int(0),
                            .mod_revision = revision});
    read.Reset();
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
