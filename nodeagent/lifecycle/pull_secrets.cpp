#include "nodeagent/lifecycle/pull_secrets.h"

#include "lib/api/base64.h"
#include "lib/json/json.h"

#include <nlohmann/json.hpp>

namespace wherry::nodeagent::lifecycle {

namespace {

// "https://index.docker.io/v1/" -> {"docker.io", ""}; "host:5000/team" -> {"host:5000", "team"}.
struct Location {
  std::string host;
  std::string path;
};
Location ParseLocation(std::string text) {
  for (std::string_view scheme : {"https://", "http://"})
    if (text.starts_with(scheme)) text = text.substr(scheme.size());
  while (text.ends_with('/')) text.pop_back();
  const size_t slash = text.find('/');
  Location location{text.substr(0, slash),
                    slash == std::string::npos ? "" : text.substr(slash + 1)};
  if (location.path == "v1" || location.path == "v2") location.path.clear();
  if (location.host == "index.docker.io" || location.host == "registry-1.docker.io")
    location.host = "docker.io";
  return location;
}

bool HostMatches(std::string_view pattern, std::string_view host) {
  while (true) {
    const size_t a = pattern.find('.');
    const size_t b = host.find('.');
    const std::string_view want = pattern.substr(0, a);
    if (want != "*" && want != host.substr(0, b)) return false;
    if (a == std::string_view::npos || b == std::string_view::npos) return a == b;
    pattern.remove_prefix(a + 1);
    host.remove_prefix(b + 1);
  }
}

bool PathMatches(const std::string& prefix, const std::string& repository) {
  if (prefix.empty() || prefix == repository) return true;
  return repository.starts_with(prefix + "/");
}

std::string Text(const json::Value& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<images::RegistryAuth> AuthOf(const json::Value& entry) {
  if (!entry.is_object()) return std::nullopt;
  images::RegistryAuth auth{Text(entry, "username"), Text(entry, "password")};
  const std::string encoded = Text(entry, "auth");
  if (auth.username.empty() && !encoded.empty()) {
    auto pair = api::DecodeBase64(encoded);
    const size_t colon = pair.ok() ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    auth.username = pair->substr(0, colon);
    auth.password = pair->substr(colon + 1);
  }
  if (auth.username.empty()) return std::nullopt;
  return auth;
}

}  // namespace

std::optional<images::RegistryAuth> FindRegistryAuth(const std::vector<std::string>& documents,
                                                     const images::ImageReference& image) {
  std::optional<images::RegistryAuth> best;
  size_t best_length = 0;
  for (const auto& text : documents) {
    auto parsed = json::Parse(text);
    if (!parsed.ok() || !parsed->is_object()) continue;
    const json::Value& root = parsed->contains("auths") ? (*parsed)["auths"] : *parsed;
    if (!root.is_object()) continue;
    for (const auto& [key, entry] : root.items()) {
      const Location location = ParseLocation(key);
      if (!HostMatches(location.host, image.registry)) continue;
      if (!PathMatches(location.path, image.repository)) continue;
      std::optional<images::RegistryAuth> auth = AuthOf(entry);
      if (!auth || (best && location.path.size() <= best_length)) continue;
      best = std::move(auth);
      best_length = location.path.size();
    }
  }
  return best;
}

}  // namespace wherry::nodeagent::lifecycle
