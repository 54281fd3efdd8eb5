#pragma once

#include "lib/json/json.h"

#include <string>
#include <string_view>
#include <vector>

// YAML bodies and replies, as documents. Any thread.
namespace wherry::apiserver {

// The first document of `text`. Plain scalars are typed as YAML 1.2's core schema says ("true",
// "7", "0x1f", "null"); keys are strings. Errors: kBadRequest for bad syntax, aliases, nesting
// above 100. `duplicates`, when not null, receives each repeated key; the later one wins.
Result<json::Value> DocumentFromYaml(std::string_view text,
                                     std::vector<json::DuplicateKey>* duplicates = nullptr);
std::string YamlFromDocument(const json::Value& document);

}  // namespace wherry::apiserver
