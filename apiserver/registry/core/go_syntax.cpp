#include "apiserver/registry/core/go_syntax.h"

#include "lib/json/json.h"
#include "proto/api/meta/v1.pb.h"

#include <map>

namespace wherry::apiserver::registry {

using api::field::BadValue;

namespace {

std::string MapText(const google::protobuf::Map<std::string, std::string>& map) {
  if (map.empty()) return "map[string]string(nil)";
  std::string text = "map[string]string{";
  bool first = true;
  for (const auto& [key, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
    if (!first) text += ", ";
    first = false;
    json::AppendQuoted(text, key);
    text += ':';
    json::AppendQuoted(text, value);
  }
  return text + "}";
}

std::string ListText(const google::protobuf::RepeatedPtrField<std::string>& list) {
  if (list.empty()) return "[]string(nil)";
  std::string text = "[]string{";
  for (int i = 0; i < list.size(); ++i) {
    if (i > 0) text += ", ";
    json::AppendQuoted(text, list[i]);
  }
  return text + "}";
}

}  // namespace

BadValue GoMap(const google::protobuf::Map<std::string, std::string>& map) {
  return BadValue::Raw(MapText(map));
}

BadValue GoList(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return BadValue::Raw(ListText(list));
}

BadValue GoSelector(const api::meta::v1::LabelSelector& selector) {
  std::string text = "v1.LabelSelector{MatchLabels:" + MapText(selector.matchlabels()) +
                     ", MatchExpressions:[]v1.LabelSelectorRequirement";
  if (selector.matchexpressions_size() == 0) return BadValue::Raw(text + "(nil)}");
  text += '{';
  for (int i = 0; i < selector.matchexpressions_size(); ++i) {
    const auto& expression = selector.matchexpressions(i);
    if (i > 0) text += ", ";
    text += "v1.LabelSelectorRequirement{Key:";
    json::AppendQuoted(text, expression.key());
    text += ", Operator:";
    json::AppendQuoted(text, expression.operator_());
    text += ", Values:" + ListText(expression.values()) + "}";
  }
  return BadValue::Raw(text + "}}");
}

BadValue GoIntOrString(const api::meta::v1::IntOrString& value) {
  std::string text = "intstr.IntOrString{Type:" + std::to_string(value.type()) +
                     ", IntVal:" + std::to_string(value.intval()) + ", StrVal:";
  json::AppendQuoted(text, value.strval());
  return BadValue::Raw(text + "}");
}

}  // namespace wherry::apiserver::registry
