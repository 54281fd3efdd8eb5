#include "apiserver/storage/revision_errors.h"

#include <string>

namespace wherry::apiserver::storage {

Error CompactedError(Revision asked, Revision compacted) {
  return MakeError(Reason::kExpired, "too old resource version: " + std::to_string(asked) + " (" +
                                         std::to_string(compacted) + ")");
}

Error FutureError(Revision asked, Revision current) {
  return MakeError(Reason::kBadRequest, "too large resource version: " + std::to_string(asked) +
                                            ", current: " + std::to_string(current));
}

Status CheckReadable(Revision revision, Revision current, Revision compacted) {
  if (revision < compacted) return CompactedError(revision, compacted);
  if (revision > current) return FutureError(revision, current);
  return Ok();
}

}  // namespace wherry::apiserver::storage
