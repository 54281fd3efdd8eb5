#include "controllers/objects/served_kinds.h"

#include "lib/api/kind_registry.h"
#include "lib/json/json.h"
#include "lib/loop/sync.h"
#include "lib/telemetry/log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace wherry::controllers {
namespace {

constexpr telemetry::Logger log("controller-manager");

bool HasVerbs(const json::Value& resource) {
  static constexpr std::array<const char*, 3> kVerbs = {"delete", "list", "watch"};
  const auto verbs = resource.find("verbs");
  if (verbs == resource.end() || !verbs->is_array()) return false;
  return std::all_of(kVerbs.begin(), kVerbs.end(), [&](const char* verb) {
    return std::find(verbs->begin(), verbs->end(), verb) != verbs->end();
  });
}

}  // namespace

Result<std::vector<const api::KindInfo*>> ParseResourceList(std::string_view document) {
  TRY(const json::Value list, json::Parse(document));
  std::vector<const api::KindInfo*> kinds;
  if (!list.is_object()) return kinds;
  const auto resources = list.find("resources");
  const auto version = list.find("groupVersion");
  if (resources == list.end() || !resources->is_array()) return kinds;
  if (version == list.end() || !version->is_string()) return kinds;
  TRY(const auto group_version, api::GroupVersion::Parse(version->get<std::string>()));
  for (const auto& resource : *resources) {
    if (!resource.is_object() || !HasVerbs(resource)) continue;
    const auto name = resource.find("name");
    if (name == resource.end() || !name->is_string()) continue;
    const auto* kind =
        api::FindResource(group_version.group, group_version.version, name->get<std::string>());
    if (kind != nullptr) kinds.push_back(kind);
  }
  return kinds;
}

Task<Result<std::vector<const api::KindInfo*>>> ServedKinds(client::ApiClient& client) {
  std::vector<const api::KindInfo*> all;
  for (const auto& group_version : api::AllGroupVersions()) {
    const std::string prefix = group_version.group.empty() ? "/api/" : "/apis/";
    auto document = co_await client.GetRaw(prefix + group_version.String());
    if (!document.ok() && document.error().reason == Reason::kNotFound) continue;
    if (!document.ok()) co_return std::move(document).error();
    CO_TRY(const auto kinds, ParseResourceList(*document));
    for (const auto* kind : kinds) {
      const bool shown = std::any_of(all.begin(), all.end(), [&](const api::KindInfo* other) {
        return other->plural == kind->plural && kind->plural == "events";
      });
      if (!shown) all.push_back(kind);
    }
  }
  co_return all;
}

Task<std::vector<const api::KindInfo*>> AwaitServedKinds(World& world, client::ApiClient& client) {
  std::chrono::milliseconds pause{50};
  while (true) {
    auto kinds = co_await ServedKinds(client);
    if (kinds.ok()) co_return std::move(kinds).value();
    log.Warn("discovery failed, trying again", {{"error", kinds.error().message}});
    co_await SleepFor(world.loop, pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(5000));
  }
}

}  // namespace wherry::controllers
