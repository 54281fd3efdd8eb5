#include "apiserver/storage/cacher/json_members.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

constexpr size_t kBroken = std::string_view::npos;

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
    ++at;
  return at;
}

// `at` is just after the opening quote; the result just after the closing one.
size_t SkipString(std::string_view text, size_t at) {
  const size_t begin = at;
  while (true) {
    at = text.find('"', at);
    if (at == kBroken) return kBroken;
    size_t backslashes = 0;
    while (at - backslashes > begin && text[at - backslashes - 1] == '\\') ++backslashes;
    ++at;
    if (backslashes % 2 == 0) return at;
  }
}

}  // namespace

size_t SkipJsonValue(std::string_view text, size_t at) {
  if (at >= text.size()) return kBroken;
  if (text[at] == '"') return SkipString(text, at + 1);
  if (text[at] != '{' && text[at] != '[') {
    const size_t end = std::min(text.find_first_of(",]} \n\t\r", at), text.size());
    return end == at ? kBroken : end;
  }
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at++];
    if (c == '"') {
      at = SkipString(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at;
    }
  }
  return kBroken;
}

JsonMembers::JsonMembers(std::string_view text) : text_(text) {
  at_ = SkipSpace(text_, 0);
  if (at_ >= text_.size() || text_[at_] != '{') {
    Fail();
    return;
  }
  begin_ = ++at_;
}

bool JsonMembers::Fail() {
  failed_ = true;
  at_ = text_.size();
  return false;
}

bool JsonMembers::Next() {
  if (failed_) return false;
  at_ = SkipSpace(text_, at_);
  if (at_ >= text_.size()) return Fail();
  if (text_[at_] == '}') return false;
  if (!std::exchange(first_, false)) {
    if (text_[at_] != ',') return Fail();
    at_ = SkipSpace(text_, at_ + 1);
  }
  if (at_ >= text_.size() || text_[at_] != '"') return Fail();
  const size_t key_begin = at_ + 1;
  at_ = SkipString(text_, key_begin);
  if (at_ == kBroken) return Fail();
  key_ = text_.substr(key_begin, at_ - 1 - key_begin);
  at_ = SkipSpace(text_, at_);
  if (at_ >= text_.size() || text_[at_] != ':') return Fail();
  at_ = SkipSpace(text_, at_ + 1);
  const size_t value_end = SkipJsonValue(text_, at_);
  if (value_end == kBroken) return Fail();
  value_ = text_.substr(at_, value_end - at_);
  at_ = value_end;
  return true;
}

std::string_view FindJsonPath(std::string_view object, std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    std::string_view value;
    for (JsonMembers members(object); members.Next();) {
      if (members.key() != name) continue;
      value = members.value();
      break;
    }
    if (value.empty() || dot == std::string_view::npos) return value;
    object = value;
    path = path.substr(dot + 1);
  }
}

std::string_view JsonScalar(std::string_view value, std::forward_list<std::string>& kept) {
  if (value.empty() || value == "null" || value[0] == '{' || value[0] == '[') return "";
  if (value[0] != '"') return value;
  if (value.size() < 2) return "";
  if (value.find('\\') == std::string_view::npos) return value.substr(1, value.size() - 2);
  const auto parsed = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_string()) return "";
  return kept.emplace_front(parsed.get<std::string>());
}

}  // namespace wherry::apiserver::storage
