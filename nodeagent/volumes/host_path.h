#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::nodeagent::volumes {

// Checks `path` against a hostPath volume's `type` and makes what "DirectoryOrCreate" and
// "FileOrCreate" ask for; "" makes a missing directory, as container runtimes do. Blocking.
// Errors: kInvalid "hostPath type check failed: ...". Source: pkg/volume/hostpath.
Status PrepareHostPath(const std::string& path, const std::string& type);

}  // namespace wherry::nodeagent::volumes
