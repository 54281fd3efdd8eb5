#include "apiserver/health.h"

#include "apiserver/request/status.h"

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::apiserver {

namespace {

struct Check {
  std::string_view name;
  bool ok = true;
};

http::Response One(const Check& check) {
  return check.ok ? TextResponse(200, "ok") : TextResponse(500, "internal server error: not ready");
}

// "a", "b", sorted, each once.
std::string Quoted(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end())) {
    list += list.empty() ? "\"" : ", \"";
    list += name + "\"";
  }
  return list;
}

http::Response All(std::string_view root, std::vector<std::string> excluded, bool verbose,
                   const std::array<Check, 3>& checks) {
  std::string lines;
  bool failed = false;
  for (const Check& check : checks) {
    bool left_out = std::erase(excluded, check.name) > 0;
    bool ok = check.ok || left_out;
    failed = failed || !ok;
    lines += ok ? "[+]" : "[-]";
    lines += check.name;
    lines += left_out ? " excluded: ok\n" : (ok ? " ok\n" : " failed: reason withheld\n");
  }
  if (!excluded.empty()) {
    lines += "warn: some health checks cannot be excluded: no matches for " + Quoted(excluded);
    lines += '\n';
  }
  std::string name(root);
  if (failed) return TextResponse(500, lines + name + " check failed\n");
  return TextResponse(200, verbose ? lines + name + " check passed\n" : "ok");
}

}  // namespace

std::optional<http::Response> Health(const ApiRequest& request, bool ready, bool storage_well) {
  std::string_view path = request.info.path;
  for (std::string_view root : {"healthz", "livez", "readyz"}) {
    std::string_view rest = path.substr(1);
    if (!rest.starts_with(root)) continue;
    rest.remove_prefix(root.size());
    // A process that fills its cache lives, and is healthy once it serves.
    bool started = root == "livez" || ready;
    std::array<Check, 3> checks = {Check{"ping"}, Check{"storage", started && storage_well},
                                   Check{"bootstrap-objects", started}};
    if (rest.empty() || rest == "/") {
      return All(root, request.query.All("exclude"), request.query.Has("verbose"), checks);
    }
    for (const Check& check : checks) {
      if (rest.substr(1) == check.name) return One(check);
    }
  }
  return std::nullopt;
}

}  // namespace wherry::apiserver
