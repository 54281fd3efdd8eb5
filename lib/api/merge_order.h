#pragma once

#include "lib/json/json.h"

#include <string>
#include <unordered_map>
#include <vector>

// The order of lists that a strategic merge patch merges. Source: "preserve order in strategic
// merge patch" in the design proposals. An item is known by its merge key's value, or by itself in
// a list of scalars (an empty merge key).
namespace wherry::api {

// The JSON text of the item's merge key, or of the item.
// Errors: kBadRequest when the item has no such key.
Result<std::string> KeyOfItem(const json::Value& item, const std::string& merge_key);
bool HasKey(const json::Value& item, const std::string& merge_key, const std::string& key);

// Where each key is first found; items that carry $patch are left out. Errors: as KeyOfItem.
Result<std::unordered_map<std::string, size_t>> PositionsByKey(
    const std::vector<json::Value>& items, const std::string& merge_key);

// The patch's items (deletions left out) must come in the order that $setElementOrder gives them.
// Errors: kBadRequest when not.
Status CheckPatchOrder(const std::vector<json::Value>& patch, const std::vector<json::Value>& order,
                       const std::string& merge_key);

// Sorts `items`: those named in `order` as it says, the others as `server_positions` says, each
// of the latter before the first of the former that it preceded there.
Status ApplyOrder(std::vector<json::Value>& items, const std::vector<json::Value>& order,
                  const std::unordered_map<std::string, size_t>& server_positions,
                  const std::string& merge_key);

}  // namespace wherry::api
