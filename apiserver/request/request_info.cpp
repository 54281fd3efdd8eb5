#include "apiserver/request/request_info.h"

#include "lib/api/fields.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"
#include "lib/http/message.h"

#include <algorithm>

namespace wherry::apiserver {

Result<Query> Query::Parse(std::string_view text) {
  Query query;
  if (text.empty()) return query;
  TRY(query.pairs_, http::ParseQuery(text));
  return query;
}

std::string_view Query::Get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return {};
}

bool Query::Has(std::string_view name) const {
  return std::any_of(pairs_.begin(), pairs_.end(),
                     [&](const auto& pair) { return pair.first == name; });
}

std::vector<std::string> Query::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : pairs_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

bool Query::Bool(std::string_view name) const {
  if (!Has(name)) return false;
  std::string value = AsciiLowered(Get(name));
  return value != "false" && value != "0";
}

namespace {

std::vector<std::string> SplitPath(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> parts;
  if (path.empty()) return parts;
  size_t start = 0;
  while (true) {
    size_t slash = path.find('/', start);
    if (slash == std::string_view::npos) break;
    parts.emplace_back(path.substr(start, slash - start));
    start = slash + 1;
  }
  parts.emplace_back(path.substr(start));
  return parts;
}

std::string VerbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

// The name that a list or watch of one object asks for by its field selector.
std::string NameFromSelector(const Query& query) {
  std::string_view text = query.Get("fieldSelector");
  if (text.empty()) return "";
  auto selector = api::FieldSelector::Parse(text);
  if (!selector.ok()) return "";
  std::string name = selector->RequiresExactMatch("metadata.name").value_or("");
  return api::IsValidPathSegmentName(name).empty() ? name : "";
}

}  // namespace

RequestInfo ParseRequestInfo(std::string_view method, std::string_view decoded_path,
                             const Query& query) {
  RequestInfo info;
  info.path = decoded_path;
  info.verb = AsciiLowered(method);
  std::vector<std::string> parts = SplitPath(decoded_path);
  if (parts.size() < 3 || (parts[0] != "api" && parts[0] != "apis")) return info;
  size_t next = 1;
  if (parts[0] == "apis") {
    if (parts.size() < 4) return info;
    info.group = parts[next++];
  }
  info.is_resource = true;
  info.version = parts[next++];
  bool legacy_watch = parts[next] == "watch" && parts.size() > next + 1;
  if (legacy_watch) {
    info.verb = "watch";
    ++next;
  } else {
    info.verb = VerbOf(method);
  }
  if (parts[next] == "namespaces" && parts.size() > next + 1) {
    info.ns = parts[next + 1];
    if (parts.size() > next + 2 && parts[next + 2] != "status" && parts[next + 2] != "finalize") {
      next += 2;
    }
  }
  info.resource = parts[next++];
  if (next < parts.size()) {
    info.name = parts[next++];
    info.named = true;
  }
  if (next < parts.size()) info.subresource = parts[next++];
  info.rest.assign(parts.begin() + static_cast<std::ptrdiff_t>(next), parts.end());
  if (!info.named && (info.verb == "get")) {
    info.verb = query.Bool("watch") ? "watch" : "list";
  }
  if (!info.named && info.verb == "delete") info.verb = "deletecollection";
  if (!info.named && (info.verb == "list" || info.verb == "watch")) {
    info.name = NameFromSelector(query);
  }
  return info;
}

}  // namespace wherry::apiserver
