#include "apiserver/endpoints/list_options.h"

#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"
#include "lib/api/field_error.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

namespace wherry::apiserver::endpoints {

using api::field::Path;

namespace {

constexpr std::chrono::seconds kRevisionWait{3};

Result<int64_t> ParseInteger(const Query& query, std::string_view name) {
  std::string_view text = query.Get(name);
  int64_t value = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return BadRequestError("strconv.ParseInt: parsing \"" + std::string(text) +
                           "\": invalid syntax");
  }
  return value;
}

// Which fields a selector may name, in upstream's two phrasings.
Status CheckFieldLabels(const Resource& resource, const api::FieldSelector& selector) {
  auto selectable = resource.strategy->SelectableFields();
  for (const auto& term : selector.terms()) {
    if (term.field == "metadata.name") continue;
    if (term.field == "metadata.namespace" && resource.kind->namespaced) continue;
    bool known = std::any_of(
        selectable.begin(), selectable.end(),
        [&](const storage::SelectableField& field) { return field.path == term.field; });
    if (known) continue;
    if (!selectable.empty()) return BadRequestError("field label not supported: " + term.field);
    return BadRequestError("\"" + term.field +
                           "\" is not a known field selector: only \"metadata.name\", "
                           "\"metadata.namespace\"");
  }
  return Ok();
}

Result<VersionMatch> ParseMatch(const Query& query, const ListOptions& options,
                                api::field::ErrorList& errors) {
  std::string_view match = query.Get("resourceVersionMatch");
  if (match.empty()) return VersionMatch::kUnset;
  Path path("resourceVersionMatch");
  bool exact = match == "Exact";
  bool known = exact || match == "NotOlderThan";
  if (options.watch) {
    if (!options.send_initial_events) {
      errors.Forbidden(path,
                       "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
                       "provided");
    }
    if (match != "NotOlderThan") errors.NotSupported(path, match, {"NotOlderThan"});
  } else {
    if (options.resource_version.empty()) {
      errors.Forbidden(path,
                       "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if (!known) errors.NotSupported(path, match, {"Exact", "NotOlderThan", ""});
    if (exact && options.resource_version == "0") {
      errors.Forbidden(path,
                       "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
  }
  if (!options.continue_token.empty()) {
    errors.Forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
  }
  return exact ? VersionMatch::kExact : VersionMatch::kNotOlderThan;
}

}  // namespace

Result<storage::Revision> ParseResourceVersion(std::string_view text) {
  storage::Revision revision = 0;
  if (text.empty()) return revision;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || revision < 0) {
    return BadRequestError("invalid resource version: strconv.ParseUint: parsing \"" +
                           std::string(text) + "\": invalid syntax");
  }
  return revision;
}

Result<ListOptions> ParseListOptions(const Resource& resource, const ApiRequest& request) {
  const Query& query = request.query;
  ListOptions options;
  options.watch = request.info.verb == "watch";
  if (query.Has("labelSelector")) {
    TRY(options.labels, api::Selector::Parse(query.Get("labelSelector")));
  }
  if (query.Has("fieldSelector")) {
    TRY(options.fields, api::FieldSelector::Parse(query.Get("fieldSelector")));
    TRY_STATUS(CheckFieldLabels(resource, options.fields));
  }
  if (request.info.named) {
    // The old form of a watch, of one object by its path.
    if (options.fields.MatchesEverything()) {
      options.fields = api::FieldSelector::Equals("metadata.name", request.info.name);
    } else if (options.fields.RequiresExactMatch("metadata.name") != request.info.name) {
      return BadRequestError("fieldSelector metadata.name doesn't match requested name");
    }
  }
  options.resource_version = query.Get("resourceVersion");
  TRY(options.revision, ParseResourceVersion(options.resource_version));
  options.continue_token = query.Get("continue");
  if (!query.Get("limit").empty()) {
    TRY(options.limit, ParseInteger(query, "limit"));
    options.limit = std::max<int64_t>(options.limit, 0);
  }
  if (!query.Get("timeoutSeconds").empty()) {
    TRY(options.timeout_seconds, ParseInteger(query, "timeoutSeconds"));
  }
  options.allow_bookmarks = query.Bool("allowWatchBookmarks");
  api::field::ErrorList errors;
  if (query.Has("sendInitialEvents")) {
    options.send_initial_events = query.Bool("sendInitialEvents");
    if (!options.watch) {
      errors.Forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list");
    } else if (query.Get("resourceVersionMatch") != "NotOlderThan") {
      errors.Forbidden(Path("resourceVersionMatch"),
                       "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
  }
  TRY(options.match, ParseMatch(query, options, errors));
  if (!errors.empty()) return errors.ToError("meta.k8s.io", "ListOptions", "");
  return options;
}

storage::Selection SelectionOf(const Resource& resource, std::string_view ns,
                               const ListOptions& options) {
  storage::Selection selection;
  std::string in_namespace(ns);
  if (in_namespace.empty() && resource.kind->namespaced) {
    in_namespace = options.fields.RequiresExactMatch("metadata.namespace").value_or("");
  }
  selection.prefix = resource.Prefix(in_namespace);
  auto name = options.fields.RequiresExactMatch("metadata.name");
  if (name && (!resource.kind->namespaced || !in_namespace.empty())) selection.prefix += *name;
  for (const std::string& field : resource.strategy->IndexedFields()) {
    auto value = options.fields.RequiresExactMatch(field);
    if (!value) continue;
    selection.index = storage::IndexTerm{field, *value};
    break;
  }
  if (options.SelectsEverything()) return selection;
  std::map<std::string, std::string, std::less<>> stored_names;
  for (const auto& term : options.fields.terms())
    stored_names[term.field] = resource.StoredField(term.field);
  selection.matches = [labels = options.labels, fields = options.fields,
                       names = std::move(stored_names)](const storage::CachedObject& object) {
    auto label = [&](std::string_view key) { return object.label(key); };
    auto field = [&](std::string_view path) {
      auto name = names.find(path);
      return object.field(name == names.end() ? path : name->second).value_or(std::string_view());
    };
    return labels.MatchesBy(label) && fields.MatchesBy(field);
  };
  return selection;
}

Task<Status> WaitForRevision(Environment& environment, storage::Revision revision) {
  storage::Cacher& cacher = environment.store.cacher();
  if (cacher.CurrentRevision() >= revision) co_return Ok();
  auto reached =
      WithTimeout<Unit>(environment.world.loop, kRevisionWait, cacher.WaitForRevision(revision));
  auto result = co_await std::move(reached);
  if (result.ok()) co_return Ok();
  if (result.error().reason != Reason::kTimeout) co_return result.error();
  co_return TooLargeResourceVersionError(revision, cacher.CurrentRevision());
}

}  // namespace wherry::apiserver::endpoints
