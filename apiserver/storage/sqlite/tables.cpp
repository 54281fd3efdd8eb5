#include "apiserver/storage/sqlite/tables.h"

#include "apiserver/storage/revision_errors.h"
#include "apiserver/storage/sqlite/schema.h"

#include <algorithm>
#include <utility>

namespace wherry::apiserver::storage {

struct Tables::Statements {
  Statement begin, commit, rollback;
  Statement find, value, insert_history, put_current, delete_current;
  Statement set_meta, scan_history, delete_history;
};

namespace {

struct Found {
  bool exists = false;
  Revision create_revision = 0;
  Revision mod_revision = 0;
};
Result<Found> Find(Statement& find, const Key& key) {
  TRY(const bool exists, find.Bind(1, key).Step());
  if (!exists) return Found{};
  Found found{.exists = true, .create_revision = find.Int(0), .mod_revision = find.Int(1)};
  find.Reset();
  return found;
}

Status SetMeta(Statement& set, const char* name, int64_t value) {
  return set.Bind(1, name).Bind(2, value).Run();
}

}  // namespace

Tables::Tables(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Tables::~Tables() = default;

Result<std::unique_ptr<Tables>> Tables::Open(const std::string& path) {
  TRY(auto database, Database::Open(path));
  if (auto prepared = PrepareSchema(*database); !prepared.ok())
    return std::move(prepared).error().Wrap("open '" + path + "'");
  std::unique_ptr<Tables> tables(new Tables(std::move(database)));
  Database& db = *tables->database_;
  TRY_STATUS(tables->ReadRevisions());
  TRY(auto begin, db.Prepare("BEGIN IMMEDIATE"));
  TRY(auto commit, db.Prepare("COMMIT"));
  TRY(auto rollback, db.Prepare("ROLLBACK"));
  TRY(auto find, db.Prepare("SELECT create_revision, mod_revision FROM current WHERE key = ?1"));
  TRY(auto value, db.Prepare("SELECT value FROM history WHERE revision = ?1"));
  TRY(auto insert_history,
      db.Prepare("INSERT INTO history (revision, key, deleted, create_revision, prev_revision, "
                 "written_at_ms, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  TRY(auto put_current,
      db.Prepare("INSERT INTO current (key, create_revision, mod_revision) VALUES (?1, ?2, ?3) "
                 "ON CONFLICT (key) DO UPDATE SET mod_revision = excluded.mod_revision"));
  TRY(auto delete_current, db.Prepare("DELETE FROM current WHERE key = ?1"));
  TRY(auto set_meta, db.Prepare("UPDATE meta SET value = ?2 WHERE name = ?1"));
  TRY(auto scan_history,
      db.Prepare("SELECT revision, prev_revision, deleted FROM history "
                 "WHERE revision > ?1 AND revision <= ?2 ORDER BY revision LIMIT ?3"));
  TRY(auto delete_history, db.Prepare("DELETE FROM history WHERE revision = ?1"));
  tables->statements_ = std::make_unique<Statements>(Statements{
      std::move(begin), std::move(commit), std::move(rollback), std::move(find), std::move(value),
      std::move(insert_history), std::move(put_current), std::move(delete_current),
      std::move(set_meta), std::move(scan_history), std::move(delete_history)});
  return tables;
}

Status Tables::ReadRevisions() {
  Database& db = *database_;
  TRY(compacted_, db.QueryInt("SELECT value FROM meta WHERE name = 'compacted'"));
  TRY(swept_, db.QueryInt("SELECT value FROM meta WHERE name = 'swept'"));
  TRY(const Revision floor, db.QueryInt("SELECT value FROM meta WHERE name = 'revision'"));
  TRY(const Revision newest, db.QueryInt("SELECT max(revision) FROM history"));
  revision_ = std::max(floor, newest);
  return Ok();
}

Result<std::unique_ptr<Tables>> Tables::OpenReader(const std::string& path) {
  TRY(auto database, Database::OpenReadOnly(path));
  TRY_STATUS(database->Execute("PRAGMA cache_size = -1024; PRAGMA trusted_schema = OFF"));
  return std::unique_ptr<Tables>(new Tables(std::move(database)));
}

Status Tables::BeginRead() {
  TRY_STATUS(database_->Execute("BEGIN"));
  auto read = ReadRevisions();
  if (!read.ok()) EndRead();
  return read;
}

void Tables::EndRead() { Ignore(database_->Execute("COMMIT"), "a read has nothing to lose"); }

Status Tables::Begin() {
  begun_ = {revision_, compacted_, swept_};
  return statements_->begin.Run();
}

Status Tables::Commit() { return statements_->commit.Run(); }

void Tables::Rollback() {
  Ignore(statements_->rollback.Run(), "SQLite may have rolled back by itself");
  revision_ = begun_.revision;
  compacted_ = begun_.compacted;
  swept_ = begun_.swept;
}

Result<WriteResult> Tables::Apply(CompareAndSet write, int64_t now_ms,
                                  std::vector<EventPtr>& events) {
  TRY(const Found found, Find(statements_->find, write.key));
  Value before;
  if (found.exists) {
    TRY(before, ReadValue(found.mod_revision));
  }
  const bool nothing_to_delete = !write.value && !found.exists;
  if (found.mod_revision != write.expected || nothing_to_delete) {
    WriteResult refused{.committed = false, .revision = revision_};
    if (found.exists)
      refused.current = KeyValue{write.key, before, found.create_revision, found.mod_revision};
    return refused;
  }

  const Revision revision = ++revision_;
  const Revision create_revision = found.exists ? found.create_revision : revision;
  Statement& insert = statements_->insert_history;
  insert.Bind(1, revision).Bind(2, write.key).Bind(3, write.value ? 0 : 1);
  insert.Bind(4, create_revision).Bind(5, found.mod_revision).Bind(6, now_ms);
  if (write.value) {
    insert.Bind(7, *write.value);
  } else {
    insert.BindNull(7);
  }
  TRY_STATUS(insert.Run());
  if (write.value) {
    Statement& put = statements_->put_current;
    TRY_STATUS(put.Bind(1, write.key).Bind(2, create_revision).Bind(3, revision).Run());
  } else {
    TRY_STATUS(statements_->delete_current.Bind(1, write.key).Run());
  }

  auto event = std::make_shared<Event>();
  event->type = write.value ? Event::Type::kPut : Event::Type::kDelete;
  event->revision = revision;
  event->previous_value = before;
  event->kv.key = std::move(write.key);
  event->kv.create_revision = create_revision;
  if (write.value) {
    event->kv.value = std::make_shared<const std::string>(std::move(*write.value));
    event->kv.mod_revision = revision;
  } else {
    event->kv.value = std::move(before);
    event->kv.mod_revision = found.mod_revision;
  }
  events.push_back(std::move(event));
  return WriteResult{.committed = true, .revision = revision, .current = std::nullopt};
}

Status Tables::SetCompacted(Revision revision) {
  if (revision <= compacted_) return Ok();
  TRY_STATUS(SetMeta(statements_->set_meta, "compacted", revision));
  compacted_ = revision;
  return Ok();
}

Status Tables::Sweep(int rows) {
  // A write that is compacted needs neither the value it replaced nor, as a deletion, itself.
  std::vector<Revision> useless;
  Statement& scan = statements_->scan_history;
  scan.Bind(1, swept_).Bind(2, compacted_).Bind(3, rows);
  int seen = 0;
  Revision last = compacted_;
  while (true) {
    TRY(const bool row, scan.Step());
    if (!row) break;
    ++seen;
    last = scan.Int(0);
    if (scan.Int(1) != 0) useless.push_back(scan.Int(1));
    if (scan.Int(2) != 0) useless.push_back(last);
  }
  for (Revision revision : useless) TRY_STATUS(statements_->delete_history.Bind(1, revision).Run());
  swept_ = seen < rows ? compacted_ : last;
  TRY_STATUS(SetMeta(statements_->set_meta, "swept", swept_));
  // The newest write may be a deletion that is now gone from history; revisions must not go back.
  return SetMeta(statements_->set_meta, "revision", revision_);
}

Result<Value> Tables::ReadValue(Revision revision) {
  Statement& read = statements_->value;
  TRY(const bool row, read.Bind(1, revision).Step());
  if (!row)
    return MakeError(Reason::kInternalError,
                     "read revision " + std::to_string(revision) + ": it is not in history");
  auto value = std::make_shared<const std::string>(read.Text(0));
  read.Reset();
  return value;
}

Result<std::optional<KeyValue>> Tables::Get(const Key& key) {
  TRY(const Found found, Find(statements_->find, key));
  if (!found.exists) return std::optional<KeyValue>();
  TRY(Value value, ReadValue(found.mod_revision));
  return std::optional(KeyValue{key, std::move(value), found.create_revision, found.mod_revision});
}

}  // namespace wherry::apiserver::storage
