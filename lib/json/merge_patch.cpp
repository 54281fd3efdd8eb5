#include "lib/json/patch.h"

#include <nlohmann/json.hpp>

namespace wherry::json {

void ApplyMergePatch(Value& document, const Value& patch) {
  if (!patch.is_object()) {
    document = patch;
    return;
  }
  if (!document.is_object()) document = Value::object();
  auto& members = document.get_ref<Value::object_t&>();
  for (const auto& [name, change] : patch.get_ref<const Value::object_t&>()) {
    if (change.is_null()) {
      members.erase(name);
    } else {
      ApplyMergePatch(members[name], change);
    }
  }
}

}  // namespace wherry::json
