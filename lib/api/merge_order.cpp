#include "lib/api/merge_order.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace wherry::api {
namespace {

using json::Value;

constexpr size_t kNowhere = static_cast<size_t>(-1);

struct Placed {
  Value item;
  size_t in_order = kNowhere;
  size_t on_server = kNowhere;
};

size_t PositionOf(const std::unordered_map<std::string, size_t>& positions,
                  const std::string& key) {
  auto found = positions.find(key);
  return found == positions.end() ? kNowhere : found->second;
}

}  // namespace

Result<std::string> KeyOfItem(const Value& item, const std::string& merge_key) {
  if (merge_key.empty()) return json::Dump(item);
  if (item.is_object()) {
    if (auto key = item.find(merge_key); key != item.end()) return json::Dump(*key);
  }
  return MakeError(Reason::kBadRequest,
                   json::Dump(item) + " does not contain declared merge key: " + merge_key);
}

bool HasKey(const Value& item, const std::string& merge_key, const std::string& key) {
  auto found = KeyOfItem(item, merge_key);
  return found.ok() && *found == key;
}

Result<std::unordered_map<std::string, size_t>> PositionsByKey(const std::vector<Value>& items,
                                                               const std::string& merge_key) {
  std::unordered_map<std::string, size_t> positions;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].is_object() && items[i].contains("$patch")) continue;
    TRY(std::string key, KeyOfItem(items[i], merge_key));
    positions.try_emplace(std::move(key), i);
  }
  return positions;
}

Status CheckPatchOrder(const std::vector<Value>& patch, const std::vector<Value>& order,
                       const std::string& merge_key) {
  if (order.empty()) return Ok();
  size_t next = 0;
  for (const Value& item : patch) {
    if (item.is_object() && item.contains("$patch")) continue;
    TRY(std::string key, KeyOfItem(item, merge_key));
    while (next < order.size() && !HasKey(order[next], merge_key, key)) ++next;
    if (next == order.size()) {
      return MakeError(Reason::kBadRequest,
                       "the order in the patch's list doesn't match its $setElementOrder list");
    }
    ++next;
  }
  return Ok();
}

Status ApplyOrder(std::vector<Value>& items, const std::vector<Value>& order,
                  const std::unordered_map<std::string, size_t>& server_positions,
                  const std::string& merge_key) {
  TRY(auto ordered_positions, PositionsByKey(order, merge_key));
  std::vector<Placed> ordered;
  std::vector<Placed> others;
  for (Value& item : items) {
    TRY(std::string key, KeyOfItem(item, merge_key));
    Placed placed{.item = std::move(item),
                  .in_order = PositionOf(ordered_positions, key),
                  .on_server = PositionOf(server_positions, key)};
    (placed.in_order == kNowhere ? others : ordered).push_back(std::move(placed));
  }
  // Items with equal keys (ports that differ in protocol only) stay in the order they had.
  std::vector<size_t> sorted(ordered.size());
  for (size_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) {
    return std::pair(ordered[a].in_order, a) < std::pair(ordered[b].in_order, b);
  });
  items.clear();
  size_t next_other = 0;
  for (size_t index : sorted) {
    Placed& next = ordered[index];
    while (next_other < others.size() && next.on_server != kNowhere &&
           others[next_other].on_server < next.on_server) {
      items.push_back(std::move(others[next_other++].item));
    }
    items.push_back(std::move(next.item));
  }
  while (next_other < others.size()) items.push_back(std::move(others[next_other++].item));
  return Ok();
}

}  // namespace wherry::api
