#pragma once

#include "apiserver/storage/interface.h"

namespace wherry::apiserver::storage {

// The errors every implementation gives for a revision it cannot answer.
Error CompactedError(Revision asked, Revision compacted);  // kExpired
Error FutureError(Revision asked, Revision current);       // kBadRequest

// Whether history can be read at `revision`: compacted <= revision <= current.
Status CheckReadable(Revision revision, Revision current, Revision compacted);

}  // namespace wherry::apiserver::storage
