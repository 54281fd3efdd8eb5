#pragma once

#include "nodeagent/volumes/payload.h"

#include <cstdint>
#include <string>

namespace wherry::nodeagent::volumes {

// Makes `directory` hold exactly `payload`, so that a reader sees the old set of files or the new
// one and never a mixture: the files live in a timestamped directory, "..data" is a symbolic link
// to it that is replaced by rename(2), and each visible name links to "..data/<name>".
// Source: pkg/volume/util/atomic_writer.go.
//
// `group` owns the files when it is not negative (fsGroup; modes then gain group read).
// `stamp` is the unix time that names the new directory. Blocking.
// Errors: kInvalid for a path that is absolute or contains ".."; kInternalError with os_errno.
Status WritePayload(const std::string& directory, const Payload& payload, int64_t group,
                    int64_t stamp);

}  // namespace wherry::nodeagent::volumes
