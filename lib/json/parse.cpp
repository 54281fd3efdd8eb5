// Documents from text. nlohmann's own parser neither limits depth nor reports repeated keys, and
// takes twice as long.

#include "lib/json/json.h"
#include "lib/json/reader.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace wherry::json {
namespace {

class Builder {
 public:
  Builder(Reader& reader, std::vector<DuplicateKey>* duplicates)
      : reader_(reader), duplicates_(duplicates) {}

  bool Build(Value* value) {
    switch (reader_.Next()) {
      case Reader::Kind::kObject:
        return BuildObject(value);
      case Reader::Kind::kArray:
        return BuildArray(value);
      case Reader::Kind::kString: {
        std::string text;
        if (!reader_.String(&text)) return false;
        *value = std::move(text);
        return true;
      }
      case Reader::Kind::kNumber:
        return BuildNumber(value);
      case Reader::Kind::kBool: {
        bool truth = false;
        if (!reader_.Bool(&truth)) return false;
        *value = truth;
        return true;
      }
      case Reader::Kind::kNull:
        *value = nullptr;
        return reader_.Null();
      case Reader::Kind::kNothing:
        break;
    }
    return false;
  }

 private:
  // One container being read; a chain on the stack, for the paths of repeated keys.
  struct Level {
    const Level* outer;
    const std::string* key = nullptr;  // null in arrays
    size_t index = 0;
  };

  bool BuildObject(Value* value) {
    if (!reader_.BeginObject()) return false;
    *value = Value::object();
    auto& members = value->get_ref<Value::object_t&>();
    Level level{.outer = level_};
    level_ = &level;
    Reader::Scope scope;
    std::string key;
    while (reader_.NextMember(scope, &key)) {
      // Clients mostly send members in order.
      const size_t size = members.size();
      auto member = members.try_emplace(members.end(), std::move(key));
      level.key = &member->first;
      if (members.size() == size && duplicates_ != nullptr)
        duplicates_->push_back({.path = Path()});
      if (!Build(&member->second)) return false;
    }
    level_ = level.outer;
    return reader_.ok();
  }

  bool BuildArray(Value* value) {
    if (!reader_.BeginArray()) return false;
    *value = Value::array();
    auto& items = value->get_ref<Value::array_t&>();
    Level level{.outer = level_};
    level_ = &level;
    Reader::Scope scope;
    while (reader_.NextItem(scope)) {
      level.index = items.size();
      if (!Build(&items.emplace_back())) return false;
    }
    level_ = level.outer;
    return reader_.ok();
  }

  bool BuildNumber(Value* value) {
    Number number;
    if (!reader_.ReadNumber(&number)) return false;
    switch (number.form) {
      case Number::Form::kSigned:
        *value = number.signed_value;
        return true;
      case Number::Form::kUnsigned:
        *value = number.unsigned_value;
        return true;
      case Number::Form::kDouble:
        *value = number.double_value;
        return true;
    }
    return false;
  }

  std::string Path() const {
    std::vector<const Level*> chain;
    for (const Level* level = level_; level != nullptr; level = level->outer)
      chain.push_back(level);
    std::string path;
    for (auto level = chain.rbegin(); level != chain.rend(); ++level) {
      if ((*level)->key == nullptr) {
        path += '[' + std::to_string((*level)->index) + ']';
      } else {
        if (!path.empty()) path += '.';
        path += *(*level)->key;
      }
    }
    return path;
  }

  Reader& reader_;
  std::vector<DuplicateKey>* duplicates_;
  const Level* level_ = nullptr;
};

}  // namespace

bool Reader::ReadValue(Value* value) { return Builder(*this, nullptr).Build(value); }

Result<Value> Parse(std::string_view text, const ParseLimits& limits,
                    std::vector<DuplicateKey>* duplicates) {
  Reader reader(text, limits);
  Value value;
  if (!Builder(reader, duplicates).Build(&value) || !reader.End()) return reader.error();
  return value;
}

}  // namespace wherry::json
