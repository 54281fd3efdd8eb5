#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::cli {

// The data directory remembers of which node it is: the cgroups of its pods carry the name.

// The name of the node that last started with the data directory, "" when none did since a reset.
Result<std::string> RememberedNodeName(const std::string& data_dir);
Status RememberNodeName(const std::string& data_dir, const std::string& name);
// At the end of a reset: the next node may have another name.
Status ForgetNodeName(const std::string& data_dir);

// The name a node starts with: `given`, else the remembered one, else the host's; writes nothing.
// Errors: kConflict when another one is remembered; kBadRequest when a Node object cannot have it:
// it must be a DNS subdomain, and a label's value, since the label kubernetes.io/hostname holds it.
Result<std::string> ChooseNodeName(const std::string& data_dir, const std::string& given);

}  // namespace wherry::cli
