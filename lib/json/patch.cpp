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

// What the operations of one patch have used up of its limits.
struct Spent {
  const PatchLimits& limits;
  size_t copied_bytes = 0;
  size_t work = 0;

  Status Work(size_t amount) {
    work += amount;
    if (work <= limits.max_work) return Ok();
    return MakeError(Reason::kRequestEntityTooLarge,
                     "JSON patch takes more than " + std::to_string(limits.max_work) +
                         " steps: its operations move too much of the document");
  }
  Status Copy(size_t bytes) {
    copied_bytes += bytes;
    if (copied_bytes <= limits.max_copied_bytes) return Ok();
    return MakeError(
        Reason::kRequestEntityTooLarge,
        "JSON patch copies more than " + std::to_string(limits.max_copied_bytes) + " bytes");
  }
};

// Looks no deeper than `levels`; counts what it looks at.
bool DepthWithin(const Value& value, size_t levels, size_t* looked_at) {
  if (!value.is_structured()) return true;
  if (levels == 0) return false;
  *looked_at += value.size();
  return std::all_of(value.begin(), value.end(),
                     [&](const Value& child) { return DepthWithin(child, levels - 1, looked_at); });
}

Status CheckDepth(const Operation& operation, const Value& value, Spent& spent) {
  const size_t depth = operation.path.tokens().size();
  const size_t max = spent.limits.max_depth;
  size_t looked_at = 0;
  const bool within = depth <= max && DepthWithin(value, max - depth, &looked_at);
  TRY_STATUS(spent.Work(looked_at));
  if (!within) return DoesNotApply(operation, "the document would be nested too deeply");
  return Ok();
}

Status Add(Value& root, const Operation& operation, Value value, Spent& spent) {
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
  TRY_STATUS(spent.Work(items.size() - index));
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return Ok();
}

// Takes the value at `path` out of the document.
Result<Value> Take(Value& root, const Operation& operation, const Pointer& path, Spent& spent) {
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
    const auto index = found - items.data();
    TRY_STATUS(spent.Work(items.size() - static_cast<size_t>(index)));
    items.erase(items.begin() + index);
  }
  return taken;
}

Status Move(Value& root, const Operation& operation, Spent& spent) {
  const size_t from = operation.from.tokens().size();
  const size_t to = operation.path.tokens().size();
  if (from < to && operation.from.IsPrefixOf(operation.path)) {
    return DoesNotApply(operation, "cannot move a value into itself");
  }
  TRY(Value value, Take(root, operation, operation.from, spent));
  // What lay as deep before needs no second look.
  if (to > from) TRY_STATUS(CheckDepth(operation, value, spent));
  return Add(root, operation, std::move(value), spent);
}

Status Apply(Value& root, const Operation& operation, Spent& spent) {
  if (operation.op == "add") {
    TRY_STATUS(CheckDepth(operation, *operation.value, spent));
    return Add(root, operation, *operation.value, spent);
  }
  if (operation.op == "remove") {
    TRY_STATUS(Take(root, operation, operation.path, spent));
    return Ok();
  }
  if (operation.op == "move") return Move(root, operation, spent);
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
  TRY_STATUS(spent.Copy(Dump(*found).size()));
  TRY_STATUS(CheckDepth(operation, *found, spent));
  Value copy = *found;
  return Add(root, operation, std::move(copy), spent);
}

}  // namespace

Result<Value> ApplyJsonPatch(Value document, const Value& patch, const PatchLimits& limits) {
  if (!patch.is_array()) return BadPatch("not an array of operations");
  if (patch.size() > limits.max_operations) {
    return MakeError(Reason::kRequestEntityTooLarge,
                     "JSON patch has " + std::to_string(patch.size()) +
                         " operations, the limit is " + std::to_string(limits.max_operations));
  }
  Spent spent{.limits = limits};
  for (const Value& item : patch) {
    TRY(Operation operation, ReadOperation(item));
    TRY_STATUS(Apply(document, operation, spent));
  }
  return document;
}

}  // namespace wherry::json
