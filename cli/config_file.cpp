#include "cli/config_file.h"

#include <CLI/CLI.hpp>
#include <yaml-cpp/yaml.h>

#include <istream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace wherry::cli {
namespace {

class YamlConfig : public CLI::Config {
 public:
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return ""; }

  // CLI11 reports what this throws as a usage error: the one place where our code throws.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    const std::string text((std::istreambuf_iterator<char>(input)), {});
    YAML::Node root;
    try {
      root = YAML::Load(text);
    } catch (const YAML::Exception& exception) {
      throw CLI::FileError(std::string("the config file is not YAML: ") + exception.what());
    }
    std::vector<CLI::ConfigItem> items;
    if (root.IsNull()) return items;
    if (!root.IsMap())
      throw CLI::FileError("the config file is not a YAML mapping of flags to values");
    for (const auto& entry : root) {
      CLI::ConfigItem item;
      item.name = entry.first.Scalar();
      if (entry.second.IsScalar()) {
        item.inputs.push_back(entry.second.Scalar());
      } else if (entry.second.IsSequence()) {
        for (const YAML::Node& value : entry.second) item.inputs.push_back(value.Scalar());
      } else {
        throw CLI::FileError("'" + item.name +
                             "' in the config file is neither a scalar nor a list");
      }
      items.push_back(std::move(item));
    }
    return items;
  }
};

}  // namespace

std::shared_ptr<CLI::Config> MakeYamlConfig() { return std::make_shared<YamlConfig>(); }

}  // namespace wherry::cli
