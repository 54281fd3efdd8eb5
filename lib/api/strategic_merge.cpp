#include "lib/api/strategic_merge.h"

#include "lib/api/merge_order.h"
#include "lib/api/schema.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::api {
namespace {

using json::Value;
using Members = Value::object_t;
using Items = Value::array_t;

constexpr size_t kMaxListItems = 10'000;
// Items of the document's lists (and members of its objects) that are read. A patch may name one
// item, and so its lists, as often as it has items.
constexpr size_t kMaxWork = 500'000;
constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrderPrefix = "$setElementOrder/";

Error BadPatch(std::string message) {
  return MakeError(Reason::kBadRequest, "strategic merge patch: " + std::move(message));
}

class Budget {
 public:
  Status Spend(size_t amount) {
    spent_ += amount;
    if (spent_ <= kMaxWork) return Ok();
    return MakeError(Reason::kRequestEntityTooLarge,
                     "strategic merge patch goes through more than " + std::to_string(kMaxWork) +
                         " items of the document's lists");
  }

 private:
  size_t spent_ = 0;
};

bool IsDirectiveName(std::string_view name) {
  return name == kDirective || name == kRetainKeys || name.starts_with(kDeletePrefix) ||
         name.starts_with(kOrderPrefix);
}

size_t CountListItems(const Value& value) {
  size_t count = value.is_array() ? value.size() : 0;
  if (value.is_structured()) {
    for (const Value& child : value) count += CountListItems(child);
  }
  return count;
}

// A new value from the patch: without nulls in objects and without directives. Objects that carry
// $patch vanish from lists and objects.
Value Cleaned(const Value& patch) {
  if (patch.is_array()) {
    Value list = Value::array();
    for (const Value& item : patch) {
      if (item.is_object() && item.contains(kDirective)) continue;
      list.push_back(Cleaned(item));
    }
    return list;
  }
  if (!patch.is_object()) return patch;
  Value object = Value::object();
  for (const auto& [name, member] : patch.get_ref<const Members&>()) {
    if (member.is_null() || IsDirectiveName(name)) continue;
    if (member.is_object() && member.contains(kDirective)) continue;
    object[name] = Cleaned(member);
  }
  return object;
}

Status MergeObject(Members& original, const Members& patch, const Schema* schema, Budget& budget);

// {"$patch": "delete"} empties an object, "replace" puts the rest of the patch in its place.
Status ApplyObjectDirective(Members& original, const Members& patch, const Value& directive) {
  if (directive != "delete" && directive != "replace") {
    return BadPatch("unknown $patch type " + json::Dump(directive));
  }
  original.clear();
  if (directive == "delete") return Ok();
  for (const auto& [name, member] : patch) {
    if (name != kDirective) original[name] = member;
  }
  return Ok();
}

Status ApplyRetainKeys(Members& original, const Members& patch, Budget& budget) {
  auto directive = patch.find(kRetainKeys);
  if (directive == patch.end()) return Ok();
  if (!directive->second.is_array()) return BadPatch("$retainKeys is not a list");
  std::set<std::string, std::less<>> retained;
  for (const Value& name : directive->second) {
    if (!name.is_string()) return BadPatch("$retainKeys holds something that is no name");
    retained.insert(name.get<std::string>());
  }
  for (const auto& [name, member] : patch) {
    if (!member.is_null() && !IsDirectiveName(name) && !retained.contains(name)) {
      return BadPatch("'" + name + "' is set but not among $retainKeys");
    }
  }
  TRY_STATUS(budget.Spend(original.size()));
  std::erase_if(original, [&](const auto& member) { return !retained.contains(member.first); });
  return Ok();
}

// Splits the patch of a keyed list into deletions, applied to `original` at once, and items to
// merge.
Result<std::vector<const Value*>> TakeListDirectives(Items& original, const Items& patch,
                                                     const std::string& merge_key) {
  std::vector<const Value*> items;
  std::set<std::string> deleted;
  bool replace = false;
  for (const Value& item : patch) {
    if (!item.is_object())
      return BadPatch("an item of a list merged by '" + merge_key + "' is not an object");
    auto directive = item.find(kDirective);
    if (directive == item.end()) {
      items.push_back(&item);
    } else if (*directive == "replace") {
      replace = true;
    } else if (*directive == "delete") {
      TRY(std::string key, KeyOfItem(item, merge_key));
      deleted.insert(std::move(key));
    } else {
      return BadPatch("unknown $patch type " + json::Dump(*directive));
    }
  }
  if (replace) {
    original.clear();
  } else if (!deleted.empty()) {
    std::erase_if(original, [&](const Value& candidate) {
      auto key = KeyOfItem(candidate, merge_key);
      return key.ok() && deleted.contains(*key);
    });
  }
  return items;
}

Status MergeKeyedList(Items& original, const Items& patch, const FieldSchema& field,
                      Budget& budget) {
  TRY(std::vector<const Value*> items, TakeListDirectives(original, patch, field.merge_key));
  TRY(auto positions, PositionsByKey(original, field.merge_key));
  for (const Value* item : items) {
    TRY(std::string key, KeyOfItem(*item, field.merge_key));
    auto [position, added] = positions.try_emplace(std::move(key), original.size());
    if (added) {
      original.push_back(Cleaned(*item));
    } else {
      TRY_STATUS(MergeObject(original[position->second].get_ref<Members&>(),
                             item->get_ref<const Members&>(), field.schema->element(), budget));
    }
  }
  return Ok();
}

Status MergeScalarList(Items& original, const Items& patch) {
  std::set<Value> present(original.begin(), original.end());
  for (const Value& item : patch) {
    if (item.is_structured())
      return BadPatch("a list without a merge key holds something that is no scalar");
    if (present.insert(item).second) original.push_back(item);
  }
  return Ok();
}

// Merges and orders one list. `order` is the $setElementOrder list, or null: then the patch's own
// order counts.
Status MergeList(Items& original, const Items* patch, const Items* order, const FieldSchema& field,
                 Budget& budget) {
  TRY_STATUS(budget.Spend(original.size() + (order == nullptr ? 0 : order->size())));
  TRY(const auto server_positions, PositionsByKey(original, field.merge_key));
  if (patch != nullptr) {
    TRY_STATUS(field.merge_key.empty() ? MergeScalarList(original, *patch)
                                       : MergeKeyedList(original, *patch, field, budget));
    if (order != nullptr) TRY_STATUS(CheckPatchOrder(*patch, *order, field.merge_key));
  }
  if (order == nullptr) order = patch;
  if (order == nullptr) return Ok();
  return ApplyOrder(original, *order, server_positions, field.merge_key);
}

const FieldSchema* FieldOf(const Schema* schema, std::string_view name) {
  return schema != nullptr && schema->type() == ValueType::kObject ? schema->Find(name) : nullptr;
}

bool IsMergedList(const FieldSchema* field) {
  return field != nullptr && field->patch_merge && field->schema->type() == ValueType::kArray;
}

Result<const Items*> ListMember(const Members& members, const std::string& name) {
  auto member = members.find(name);
  if (member == members.end() || member->second.is_null()) return nullptr;
  if (!member->second.is_array()) return BadPatch("'" + name + "' is not a list");
  return &member->second.get_ref<const Items&>();
}

Status MergeOrderedList(Members& original, const Members& patch, const std::string& name,
                        const Value& order, const Schema* schema, Budget& budget) {
  const FieldSchema* field = FieldOf(schema, name);
  if (!IsMergedList(field))
    return BadPatch("$setElementOrder of '" + name + "', which is no merged list");
  if (!order.is_array()) return BadPatch("$setElementOrder/" + name + " is not a list");
  TRY(const Items* present, ListMember(original, name));
  TRY(const Items* changes, ListMember(patch, name));
  if (present == nullptr && changes == nullptr) return Ok();
  Value& target = original[name];
  if (!target.is_array()) target = Value::array();
  return MergeList(target.get_ref<Items&>(), changes, &order.get_ref<const Items&>(), *field,
                   budget);
}

Status DeleteFromScalarList(Members& original, const std::string& name, const Value& deletions,
                            Budget& budget) {
  if (!deletions.is_array()) return BadPatch("$deleteFromPrimitiveList/" + name + " is not a list");
  auto target = original.find(name);
  if (target == original.end() || !target->second.is_array()) return Ok();
  TRY_STATUS(budget.Spend(target->second.size()));
  const std::set<Value> gone(deletions.begin(), deletions.end());
  std::erase_if(target->second.get_ref<Items&>(),
                [&](const Value& item) { return gone.contains(item); });
  return Ok();
}

Status MergeMember(Members& original, const std::string& name, const Value& change,
                   const Schema* schema, Budget& budget) {
  auto present = original.find(name);
  if (change.is_null()) {
    if (present != original.end()) original.erase(present);
    return Ok();
  }
  const FieldSchema* field = FieldOf(schema, name);
  const bool both_objects =
      present != original.end() && present->second.is_object() && change.is_object();
  const bool both_lists =
      present != original.end() && present->second.is_array() && change.is_array();
  if (both_objects && (field == nullptr || !field->patch_replace)) {
    return MergeObject(present->second.get_ref<Members&>(), change.get_ref<const Members&>(),
                       field == nullptr ? nullptr : field->schema, budget);
  }
  if (both_lists && IsMergedList(field)) {
    return MergeList(present->second.get_ref<Items&>(), &change.get_ref<const Items&>(), nullptr,
                     *field, budget);
  }
  if (change.is_object() && change.contains(kDirective) && !both_objects) {
    if (present != original.end()) original.erase(present);
    return Ok();
  }
  original[name] = Cleaned(change);
  return Ok();
}

Status MergeObject(Members& original, const Members& patch, const Schema* schema, Budget& budget) {
  if (auto directive = patch.find(kDirective); directive != patch.end()) {
    return ApplyObjectDirective(original, patch, directive->second);
  }
  TRY_STATUS(ApplyRetainKeys(original, patch, budget));
  std::set<std::string, std::less<>> ordered;
  for (const auto& [name, member] : patch) {
    if (!name.starts_with(kOrderPrefix)) continue;
    const std::string target = name.substr(kOrderPrefix.size());
    TRY_STATUS(MergeOrderedList(original, patch, target, member, schema, budget));
    ordered.insert(target);
  }
  for (const auto& [name, member] : patch) {
    if (name.starts_with(kDeletePrefix)) {
      TRY_STATUS(DeleteFromScalarList(original, name.substr(kDeletePrefix.size()), member, budget));
    } else if (!IsDirectiveName(name) && (member.is_null() || !ordered.contains(name))) {
      TRY_STATUS(MergeMember(original, name, member, schema, budget));
    }
  }
  return Ok();
}

}  // namespace

Result<Value> StrategicMergePatch(Value original, const Value& patch, const Schema& schema) {
  if (!original.is_object() || !patch.is_object()) return BadPatch("not an object");
  if (CountListItems(patch) > kMaxListItems) {
    return MakeError(
        Reason::kRequestEntityTooLarge,
        "strategic merge patch holds more than " + std::to_string(kMaxListItems) + " list items");
  }
  Budget budget;
  TRY_STATUS(
      MergeObject(original.get_ref<Members&>(), patch.get_ref<const Members&>(), &schema, budget));
  return original;
}

}  // namespace wherry::api
