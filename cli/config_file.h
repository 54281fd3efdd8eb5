#pragma once

#include <memory>

namespace CLI {
class Config;
}

namespace wherry::cli {

// Reads --config files: YAML mappings from flag names (without the dashes) to scalars or lists of
// scalars.
std::shared_ptr<CLI::Config> MakeYamlConfig();

}  // namespace wherry::cli
