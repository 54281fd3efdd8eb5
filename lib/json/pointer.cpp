#include "lib/json/pointer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace wherry::json {

bool ParseIndex(std::string_view token, size_t* index) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return false;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), *index);
  return error == std::errc() && end == token.data() + token.size();
}

Result<Pointer> Pointer::Parse(std::string_view text) {
  Pointer pointer;
  if (text.empty()) return pointer;
  if (text[0] != '/') {
    return MakeError(Reason::kBadRequest,
                     "JSON pointer '" + std::string(text) + "' does not start with '/'");
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      pointer.tokens_.emplace_back();
      continue;
    }
    if (text[i] != '~') {
      pointer.tokens_.back() += text[i];
      continue;
    }
    const char escaped = i + 1 < text.size() ? text[i + 1] : '\0';
    if (escaped != '0' && escaped != '1') {
      return MakeError(Reason::kBadRequest,
                       "JSON pointer '" + std::string(text) + "' has a '~' without 0 or 1");
    }
    pointer.tokens_.back() += escaped == '0' ? '~' : '/';
    ++i;
  }
  return pointer;
}

std::string Pointer::String() const {
  std::string text;
  for (const std::string& token : tokens_) {
    text += '/';
    for (char c : token) {
      if (c == '~') {
        text += "~0";
      } else if (c == '/') {
        text += "~1";
      } else {
        text += c;
      }
    }
  }
  return text;
}

bool Pointer::IsPrefixOf(const Pointer& other) const {
  return tokens_.size() <= other.tokens_.size() &&
         std::equal(tokens_.begin(), tokens_.end(), other.tokens_.begin());
}

const Value* Pointer::Find(const Value& root) const {
  const Value* at = &root;
  for (const std::string& token : tokens_) {
    if (at->is_object()) {
      const auto& members = at->get_ref<const Value::object_t&>();
      auto member = members.find(token);
      if (member == members.end()) return nullptr;
      at = &member->second;
    } else if (size_t index = 0; at->is_array() && ParseIndex(token, &index)) {
      const auto& items = at->get_ref<const Value::array_t&>();
      if (index >= items.size()) return nullptr;
      at = &items[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

Value* Pointer::Find(Value& root) const {
  return const_cast<Value*>(Find(static_cast<const Value&>(root)));
}

}  // namespace wherry::json
