#include "apiserver/request/media_type.h"

#include "lib/base/ascii.h"

#include <algorithm>
#include <charconv>

namespace wherry::apiserver {

namespace {

constexpr size_t kMaxClauses = 32;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Splits off the text before `separator`.
std::string_view Cut(std::string_view& text, char separator) {
  size_t at = text.find(separator);
  std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return Trim(head);
}

// Fills `accepted` when the clause can be met.
bool Accept(const AcceptClause& clause, bool allow_as, Accepted& accepted) {
  if (clause.type == "application/json" || clause.type == "*/*" || clause.type == "application/*") {
    accepted.encoding = Encoding::kJson;
  } else if (clause.type == "application/yaml") {
    accepted.encoding = Encoding::kYaml;
  } else if (clause.type == "application/vnd.kubernetes.protobuf") {
    accepted.encoding = Encoding::kProtobuf;
  } else {
    return false;
  }
  std::string_view as = clause.Parameter("as");
  accepted.as = Accepted::As::kObject;
  accepted.pretty = clause.Parameter("pretty") == "1";
  if (as.empty()) return true;
  if (!allow_as || clause.Parameter("g") != "meta.k8s.io") return false;
  std::string_view version = clause.Parameter("v");
  if (as == "Table" && (version == "v1" || version == "v1beta1")) {
    accepted.table_version = version == "v1" ? "v1" : "v1beta1";
    accepted.as = Accepted::As::kTable;
    return accepted.encoding != Encoding::kProtobuf;  // upstream has no protobuf form of a Table
  }
  if (version != "v1") return false;
  if (as == "PartialObjectMetadata") {
    accepted.as = Accepted::As::kPartialObjectMetadata;
    return true;
  }
  if (as == "PartialObjectMetadataList") {
    accepted.as = Accepted::As::kPartialObjectMetadataList;
    return true;
  }
  return false;
}

}  // namespace

std::string_view MediaTypeOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kJson:
      return "application/json";
    case Encoding::kYaml:
      return "application/yaml";
    case Encoding::kProtobuf:
      return "application/vnd.kubernetes.protobuf";
  }
  return {};
}

std::string_view AcceptClause::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<AcceptClause> ParseAccept(std::string_view accept) {
  std::vector<AcceptClause> clauses;
  while (!accept.empty() && clauses.size() < kMaxClauses) {
    std::string_view text = Cut(accept, ',');
    if (text.empty()) continue;
    AcceptClause clause;
    clause.type = AsciiLowered(Cut(text, ';'));
    while (!text.empty()) {
      std::string_view parameter = Cut(text, ';');
      std::string key = AsciiLowered(Cut(parameter, '='));
      std::string_view value = Trim(parameter);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      if (key == "q") {
        double quality = 1;
        auto parsed = std::from_chars(value.data(), value.data() + value.size(), quality);
        if (parsed.ec == std::errc()) clause.quality = quality;
        continue;
      }
      clause.parameters.emplace_back(std::move(key), std::string(value));
    }
    auto lower = std::find_if(clauses.begin(), clauses.end(), [&](const AcceptClause& other) {
      return other.quality < clause.quality;
    });
    clauses.insert(lower, std::move(clause));
  }
  return clauses;
}

Result<Accepted> NegotiateAccept(std::string_view accept, bool allow_as) {
  Accepted accepted;
  // What nearly every request says, without taking it apart.
  if (accept.empty() || accept == "application/json" || accept == "*/*") return accepted;
  for (const AcceptClause& clause : ParseAccept(accept)) {
    if (clause.quality > 0 && Accept(clause, allow_as, accepted)) return accepted;
  }
  return MakeError(Reason::kNotAcceptable,
                   "only the following media types are accepted: application/json, "
                   "application/yaml, application/vnd.kubernetes.protobuf");
}

std::string BareMediaType(std::string_view content_type) {
  return AsciiLowered(Cut(content_type, ';'));
}

Result<Encoding> EncodingOfBody(std::string_view content_type) {
  std::string type = BareMediaType(content_type);
  if (type.empty() || type == "application/json" || type == "*/*") return Encoding::kJson;
  if (type == "application/yaml") return Encoding::kYaml;
  if (type == "application/vnd.kubernetes.protobuf") return Encoding::kProtobuf;
  return MakeError(Reason::kUnsupportedMediaType,
                   "the body of the request was in an unknown format - accepted media types "
                   "include: application/json, application/yaml, "
                   "application/vnd.kubernetes.protobuf");
}

}  // namespace wherry::apiserver
