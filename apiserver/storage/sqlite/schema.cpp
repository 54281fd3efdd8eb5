#include "apiserver/storage/sqlite/schema.h"

#include <string>

namespace wherry::apiserver::storage {
namespace {

// synchronous=FULL: the WAL is synced before a commit returns, so an acknowledged write survives
// power loss (https://www.sqlite.org/pragma.html#pragma_synchronous). The cache is small because
// objects are served from memory and the kernel caches the file.
constexpr const char* kConnection = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -1024;
PRAGMA journal_size_limit = 16777216;
PRAGMA trusted_schema = OFF;
)sql";

constexpr const char* kCreate = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE history (
  revision        INTEGER PRIMARY KEY,
  key             TEXT NOT NULL,
  deleted         INTEGER NOT NULL,
  create_revision INTEGER NOT NULL,
  prev_revision   INTEGER NOT NULL,
  written_at_ms   INTEGER NOT NULL,
  value           TEXT
);
CREATE TABLE current (
  key             TEXT PRIMARY KEY,
  create_revision INTEGER NOT NULL,
  mod_revision    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('compacted', 0), ('swept', 0), ('revision', 1);
CREATE VIEW objects AS
  SELECT
    current.key AS key,
    CASE WHEN json_valid(value) THEN json_extract(value, '$.kind') END AS kind,
    CASE WHEN json_valid(value) THEN json_extract(value, '$.metadata.namespace') END AS namespace,
    CASE WHEN json_valid(value) THEN json_extract(value, '$.metadata.name') END AS name,
    current.mod_revision AS resource_version,
    datetime(written_at_ms / 1000, 'unixepoch') AS written_at,
    value
  FROM current JOIN history ON history.revision = current.mod_revision;
PRAGMA application_id = 1464357465;
PRAGMA user_version = 1;
COMMIT;
)sql";
static_assert(kApplicationId == 1464357465 && kSchemaVersion == 1);

}  // namespace

Status PrepareSchema(Database& database) {
  // Before anything is changed: is it ours, and do we understand it?
  TRY(const int64_t tables, database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  TRY(const int64_t application, database.QueryInt("PRAGMA application_id"));
  TRY(const int64_t version, database.QueryInt("PRAGMA user_version"));
  if (tables > 0 && application != kApplicationId)
    return MakeError(Reason::kInternalError, "the file is a database of another program");
  if (version > kSchemaVersion) {
    return MakeError(Reason::kInternalError,
                     "the file has schema version " + std::to_string(version) +
                         ", this program knows versions up to " + std::to_string(kSchemaVersion) +
                         ": it was written by a newer wherry, start that one");
  }
  TRY_STATUS(database.Execute(kConnection));
  if (tables == 0) TRY_STATUS(database.Execute(kCreate));
  return Ok();
}

}  // namespace wherry::apiserver::storage
