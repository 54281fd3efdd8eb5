#include "lib/client/paths.h"

#include "lib/api/kind_registry.h"

namespace wherry::client {
namespace {

void AppendParameter(std::string& query, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  query += query.empty() ? '?' : '&';
  query += name;
  query += '=';
  query += http::PercentEncode(value);
}

}  // namespace

std::string ResourcePath(const api::KindInfo& kind, std::string_view ns, std::string_view name,
                         std::string_view subresource) {
  std::string path = kind.group_version.group.empty() ? "/api/" : "/apis/";
  path += kind.ApiVersion();
  if (kind.namespaced && !ns.empty()) {
    path += "/namespaces/";
    path += http::PercentEncode(ns);
  }
  path += '/';
  path += kind.plural;
  for (const std::string_view part : {name, subresource}) {
    if (part.empty()) continue;
    path += '/';
    path += http::PercentEncode(part);
  }
  return path;
}

std::string ListQuery(const ListOptions& options) {
  std::string query;
  AppendParameter(query, "labelSelector", options.label_selector);
  AppendParameter(query, "fieldSelector", options.field_selector);
  AppendParameter(query, "resourceVersion", options.resource_version);
  AppendParameter(query, "resourceVersionMatch", options.resource_version_match);
  if (options.limit > 0) AppendParameter(query, "limit", std::to_string(options.limit));
  AppendParameter(query, "continue", options.continue_token);
  return query;
}

std::string WatchQuery(const ListOptions& options) {
  std::string query = "?watch=true";
  AppendParameter(query, "allowWatchBookmarks", "true");
  AppendParameter(query, "labelSelector", options.label_selector);
  AppendParameter(query, "fieldSelector", options.field_selector);
  AppendParameter(query, "resourceVersion", options.resource_version);
  return query;
}

}  // namespace wherry::client
