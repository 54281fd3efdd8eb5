#pragma once

#include "apiserver/storage/sqlite/database.h"

namespace wherry::apiserver::storage {

// The tables, made for the sqlite3 shell as much as for us:
//
//   history   every write that is still kept, by revision: the value written, or a deletion, and
//             the revision of the value it replaced. Values live here only.
//   current   each existing key with the revision that created it and the one that wrote it last.
//   meta      compacted: lists and watches below it are refused. swept: what compaction no longer
//             needs is removed up to here. revision: the store was at least here, whatever history
//             still shows.
//   objects   a view: what the cluster believes now, with kind, namespace and name in columns.
//
// PRAGMA application_id says that a file is ours, user_version is the schema's version.
inline constexpr int64_t kSchemaVersion = 1;
inline constexpr int64_t kApplicationId = 0x57485259;  // "WHRY"

// Sets the connection's mode (WAL, synchronous=FULL, a small cache), creates the schema in an empty
// file, and refuses a file that is not ours or was written by a newer program. Errors:
// kInternalError.
Status PrepareSchema(Database& database);

}  // namespace wherry::apiserver::storage
