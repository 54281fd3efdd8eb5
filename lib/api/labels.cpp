#include "lib/api/labels.h"

#include "lib/api/map_access.h"
#include "lib/api/object_meta.h"
#include "lib/api/validation.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace wherry::api {
namespace {

bool ParseInteger(std::string_view text, int64_t* value) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool Selector::Requirement::Matches(std::optional<std::string_view> value) const {
  auto listed = [&] { return std::find(values.begin(), values.end(), *value) != values.end(); };
  switch (op) {
    case Operator::kIn:
    case Operator::kEquals:
      return value.has_value() && listed();
    case Operator::kNotIn:
    case Operator::kNotEquals:
      return !value.has_value() || !listed();
    case Operator::kExists:
      return value.has_value();
    case Operator::kDoesNotExist:
      return !value.has_value();
    case Operator::kGreaterThan:
    case Operator::kLessThan: {
      int64_t actual = 0;
      int64_t bound = 0;
      if (!value.has_value() || !ParseInteger(*value, &actual)) return false;
      if (values.size() != 1 || !ParseInteger(values[0], &bound)) return false;
      return op == Operator::kGreaterThan ? actual > bound : actual < bound;
    }
  }
  return false;
}

std::string Selector::Requirement::String() const {
  std::string joined;
  for (size_t i = 0; i < values.size(); ++i) joined += (i == 0 ? "" : ",") + values[i];
  switch (op) {
    case Operator::kIn:
      return key + " in (" + joined + ")";
    case Operator::kNotIn:
      return key + " notin (" + joined + ")";
    case Operator::kExists:
      return key;
    case Operator::kDoesNotExist:
      return "!" + key;
    case Operator::kEquals:
      return key + "=" + joined;
    case Operator::kNotEquals:
      return key + "!=" + joined;
    case Operator::kGreaterThan:
      return key + ">" + joined;
    case Operator::kLessThan:
      return key + "<" + joined;
  }
  return key;
}

Selector Selector::Nothing() {
  Selector selector;
  selector.nothing_ = true;
  return selector;
}

Selector Selector::FromMap(const LabelMap& labels) {
  Selector selector;
  for (const auto& [key, value] : labels) {
    selector.requirements_.push_back({.key = key, .op = Operator::kEquals, .values = {value}});
  }
  return selector;
}

bool Selector::Matches(const LabelMap& labels) const {
  return MatchesBy([&](std::string_view key) -> std::optional<std::string_view> {
    auto label = labels.find(key);
    if (label == labels.end()) return std::nullopt;
    return label->second;
  });
}

bool Selector::Matches(const google::protobuf::Message& object) const {
  const auto& labels = MetaOf(object).labels();
  return MatchesBy([&](std::string_view key) -> std::optional<std::string_view> {
    auto label = labels.find(std::string(key));
    if (label == labels.end()) return std::nullopt;
    return label->second;
  });
}

std::string Selector::String() const {
  if (nothing_) return "";
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ',';
    text += requirement.String();
  }
  return text;
}

}  // namespace wherry::api
