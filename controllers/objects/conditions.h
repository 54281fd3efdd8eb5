#pragma once

#include <string_view>

// Lists of conditions, of any kind: repeated messages with type, status and reason.
namespace wherry::controllers {

template <typename Conditions>
auto* FindCondition(Conditions* conditions, std::string_view type) {
  for (auto& condition : *conditions) {
    if (condition.type() == type) return &condition;
  }
  return static_cast<decltype(&*conditions->begin())>(nullptr);
}

template <typename Conditions>
void RemoveCondition(Conditions* conditions, std::string_view type) {
  for (int i = conditions->size() - 1; i >= 0; --i) {
    if (conditions->Get(i).type() == type) conditions->DeleteSubrange(i, 1);
  }
}

// Puts `condition` at the end in place of its type's present one. Status and reason unchanged:
// nothing happens. Status unchanged: lastTransitionTime stays.
template <typename Conditions, typename Condition>
void SetCondition(Conditions* conditions, Condition condition) {
  if (const auto* current = FindCondition(conditions, condition.type())) {
    if (current->status() == condition.status()) {
      if (current->reason() == condition.reason()) return;
      *condition.mutable_lasttransitiontime() = current->lasttransitiontime();
    }
  }
  RemoveCondition(conditions, condition.type());
  *conditions->Add() = std::move(condition);
}

}  // namespace wherry::controllers
