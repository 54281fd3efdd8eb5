#include "lib/json/patch.h"

#include "lib/json/pointer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace wherry::json {
namespace {

struct Operation {
  std::string op;
  Pointer path;
  Pointer from;
  const Value* value = nullptr;
};

Error BadPatch(std::string message) {
  return MakeError(Reason::kBadRequest, "JSON patch: " + std::move(message));
}

Error DoesNotApply(const Operation& operation, std::string_view why) {
  return MakeError(Reason::kInvalid, "JSON patch: " + operation.op + " '" +
                                         operation.path.String() + "': " + std::string(why));
}

Result<Pointer> PointerMember(const Value::object_t& members, const char* name) {
  auto member = members.find(name);
  if (member == members.end() || !member->second.is_string()) {
    return BadPatch("operation without a '" + std::string(name) + "' string");
  }
  auto pointer = Pointer::Parse(member->second.get_ref<const std::string&>());
  if (!pointer.ok()) return BadPatch(pointer.error().message);
  return pointer;
}

Result<Operation> ReadOperation(const Value& item) {
  if (!item.is_object()) return BadPatch("operation that is not an object");
  const auto& members = item.get_ref<const Value::object_t&>();
  Operation operation;
  auto op = members.find("op");
  if (op == members.end() || !op->second.is_string())
    return BadPatch("operation without an 'op' string");
  operation.op = op->second.get<std::string>();
  TRY(operation.path, PointerMember(members, "path"));
  if (operation.op == "move" || operation.op == "copy") {
    TRY(operation.from, PointerMember(members, "from"));
  } else if (operation.op == "add" || operation.op == "replace" || operation.op == "test") {
    auto value = members.find("value");
    if (value == members.end()) return BadPatch(operation.op + " operation without a 'value'");
    operation.value = &value->second;
  } else if (operation.op != "remove") {
    return BadPatch("unknown operation '" + operation.op + "'");
  }
  return operation;
}

// The container `path` points into, null when it is missing or a scalar.
Value* Parent(Value& root, const Pointer& path) {
  Value* at = &root;
  for (size_t i = 0; i + 1 < path.tokens().size(); ++i) {
    const std::string& token = path.tokens()[i];
    if (at->is_object()) {
      auto member = at->find(token);
      if (member == at->end()) return nullptr;
      at = &*member;
    } else if (size_t index = 0;
               at->is_array() && ParseIndex(token, &index) && index < at->size()) {
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

// Looks no deeper than `levels`.
bool DepthWithin(const Value& value, size_t levels) {
  if (!value.is_structured()) return true;
  if (levels == 0) return false;
  return std::all_of(value.begin(), value.end(),
                     [&](const Value& child) { return DepthWithin(child, levels - 1); });
}

Status Add(Value& root, const Operation& operation, Value value, const PatchLimits& limits) {
  const size_t depth = operation.path.tokens().size();
  if (depth > limits.max_depth || !DepthWithin(value, limits.max_depth - depth)) {
    return DoesNotApply(operation, "the document would be nested too deeply");
  }
  if (operation.path.empty()) {
    root = std::move(value);
    return Ok();
  }
  Value* parent = Parent(root, operation.path);
  if (parent == nullptr) return DoesNotApply(operation, "the path's parent does not exist");
  const std::string& token = operation.path.tokens().back();
  if (parent->is_object()) {
    (*parent)[token] = std::move(value);
    return Ok();
  }
  if (!parent->is_array()) return DoesNotApply(operation, "the path's parent is not a container");
  auto& items = parent->get_ref<Value::array_t&>();
  size_t index = items.size();
  if (token != "-" && !ParseIndex(token, &index)) return DoesNotApply(operation, "bad array index");
  if (index > items.size()) return DoesNotApply(operation, "array index out of bounds");
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return Ok();
}

// Takes the value at `path` out of the document.
Result<Value> Take(Value& root, const Operation& operation, const Pointer& path) {
  if (path.empty()) return std::exchange(root, Value());
  Value* found = path.Find(root);
  if (found == nullptr) {
    return DoesNotApply(operation, "there is nothing at '" + path.String() + "'");
  }
  Value taken = std::move(*found);
  Value& parent = *Parent(root, path);
  if (parent.is_object()) {
    parent.get_ref<Value::object_t&>().erase(path.tokens().back());
  } else {
    auto& items = parent.get_ref<Value::array_t&>();
    items.erase(items.begin() + (found - items.data()));
  }
  return taken;
}

Status Apply(Value& root, const Operation& operation, const PatchLimits& limits,
             size_t* copied_bytes) {
  if (operation.op == "add") return Add(root, operation, *operation.value, limits);
  if (operation.op == "remove") {
    TRY_STATUS(Take(root, operation, operation.path));
    return Ok();
  }
  if (operation.op == "move") {
    if (operation.from.tokens().size() < operation.path.tokens().size() &&
        operation.from.IsPrefixOf(operation.path)) {
      return DoesNotApply(operation, "cannot move a value into itself");
    }
    TRY(Value value, Take(root, operation, operation.from));
    return Add(root, operation, std::move(value), limits);
  }
  Value* found = (operation.op == "copy" ? operation.from : operation.path).Find(root);
  if (operation.op == "test") {
    // An absent value equals null, as in upstream's library.
    const bool equal = found == nullptr ? operation.value->is_null() : *found == *operation.value;
    if (!equal) return DoesNotApply(operation, "the value differs");
    return Ok();
  }
  if (found == nullptr) return DoesNotApply(operation, "there is nothing to " + operation.op);
  if (operation.op == "replace") {
    *found = *operation.value;
    return Ok();
  }
  *copied_bytes += Dump(*found).size();
  if (*copied_bytes > limits.max_copied_bytes) {
    return MakeError(
        Reason::kRequestEntityTooLarge,
        "JSON patch copies more than " + std::to_string(limits.max_copied_bytes) + " bytes");
  }
  Value copy = *found;
  return Add(root, operation, std::move(copy), limits);
}

}  // namespace

Result<Value> ApplyJsonPatch(Value document, const Value& patch, const PatchLimits& limits) {
  if (!patch.is_array()) return BadPatch("not an array of operations");
  if (patch.size() > limits.max_operations) {
    return MakeError(Reason::kRequestEntityTooLarge,
                     "JSON patch has " + std::to_string(patch.size()) +
                         " operations, the limit is " + std::to_string(limits.max_operations));
  }
  size_t copied_bytes = 0;
  for (const Value& item : patch) {
    TRY(Operation operation, ReadOperation(item));
    TRY_STATUS(Apply(document, operation, limits, &copied_bytes));
  }
  return document;
}

}  // namespace wherry::json
