#include "apiserver/health.h"

#include "apiserver/request/status.h"

#include <array>
#include <string_view>

namespace wherry::apiserver {

namespace {

struct Check {
  std::string_view name;
  bool ok = true;
};

http::Response One(const Check& check) {
  return check.ok ? TextResponse(200, "ok") : TextResponse(500, "internal server error: not ready");
}

http::Response All(std::string_view root, std::string_view excluded, bool verbose,
                   const std::array<Check, 3>& checks) {
  std::string lines;
  bool failed = false;
  for (const Check& check : checks) {
    bool left_out = check.name == excluded;
    bool ok = check.ok || left_out;
    failed = failed || !ok;
    lines += ok ? "[+]" : "[-]";
    lines += check.name;
    lines += left_out ? " excluded: ok\n" : (ok ? " ok\n" : " failed: reason withheld\n");
  }
  std::string name(root);
  if (failed) return TextResponse(500, lines + name + " check failed\n");
  return TextResponse(200, verbose ? lines + name + " check passed\n" : "ok");
}

}  // namespace

std::optional<http::Response> Health(const ApiRequest& request, bool ready) {
  std::string_view path = request.info.path;
  for (std::string_view root : {"healthz", "livez", "readyz"}) {
    std::string_view rest = path.substr(1);
    if (!rest.starts_with(root)) continue;
    rest.remove_prefix(root.size());
    // A process that fills its cache lives, and is healthy once it serves.
    bool started = root == "livez" || ready;
    std::array<Check, 3> checks = {Check{"ping"}, Check{"storage", started},
                                   Check{"bootstrap-objects", started}};
    if (rest.empty() || rest == "/") {
      return All(root, request.query.Get("exclude"), request.query.Has("verbose"), checks);
    }
    for (const Check& check : checks) {
      if (rest.substr(1) == check.name) return One(check);
    }
  }
  return std::nullopt;
}

}  // namespace wherry::apiserver
