#pragma once

#include "nodeagent/images/image_store.h"

#include <string>
#include <string_view>
#include <vector>

// The content of images.json.
namespace wherry::nodeagent::images {

std::string EncodeRecords(const std::vector<StoredImage>& images);
// Errors: kInvalid.
Result<std::vector<StoredImage>> DecodeRecords(std::string_view text);

}  // namespace wherry::nodeagent::images
