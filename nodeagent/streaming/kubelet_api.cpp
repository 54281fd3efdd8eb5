#include "nodeagent/streaming/kubelet_api.h"

#include "lib/api/codec.h"
#include "lib/api/time.h"
#include "lib/base/seconds.h"
#include "lib/json/json.h"
#include "lib/telemetry/metrics.h"
#include "nodeagent/lifecycle/container_config.h"
#include "nodeagent/stats/summary.h"
#include "nodeagent/streaming/caller.h"
#include "nodeagent/streaming/log_stream.h"
#include "nodeagent/streaming/port_forward.h"
#include "nodeagent/streaming/remote_command.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <set>
#include <vector>

namespace wherry::nodeagent::streaming {

namespace {

using lifecycle::Pod;

http::Response Text(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

http::Response Json(std::string body) {
  http::Response response;
  response.headers.Set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

http::Response Metrics(std::string exposition) {
  http::Response response = Text(200, std::move(exposition));
  response.headers.Set("Content-Type", std::string(telemetry::kExpositionContentType));
  return response;
}

Result<int64_t> Number(const std::string& name, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    return MakeError(Reason::kBadRequest, "unable to decode query: " + name + "=\"" + text + "\"");
  return value;
}

bool Truth(const std::string& text) { return text.empty() || text == "true" || text == "1"; }

// "/containerLogs/ns/pod/container" -> {"ns", "pod", "container"}.
Result<std::vector<std::string>> Segments(std::string_view path, std::string_view prefix) {
  path.remove_prefix(prefix.size());
  std::vector<std::string> segments;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    TRY(std::string segment, http::PercentDecode(path.substr(0, slash), false));
    segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return segments;
}

std::string NanoTime(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  std::string nanos =
      std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count());
  nanos.insert(0, 9 - nanos.size(), '0');
  std::string text = api::FormatTime(int64_t{seconds.count()});
  text.pop_back();
  return text + "." + nanos + "Z";
}

}  // namespace

Result<LogOptions> ParseLogOptions(std::string_view query, WallTime now) {
  LogOptions options;
  TRY(auto pairs, http::ParseQuery(query));
  for (const auto& [name, value] : pairs) {
    if (name == "follow") options.follow = Truth(value);
    if (name == "previous") options.previous = Truth(value);
    if (name == "timestamps") options.timestamps = Truth(value);
    if (name == "tailLines") {
      TRY(options.tail_lines, Number(name, value));
    }
    if (name == "limitBytes") {
      TRY(options.limit_bytes, Number(name, value));
    }
    if (name == "sinceSeconds") {
      TRY(int64_t seconds, Number(name, value));
      options.since = NanoTime(now - BoundedSeconds(seconds));
    }
    if (name == "sinceTime") {
      TRY(api::UnixTime time, api::ParseTime(value));
      options.since = NanoTime(
          WallTime(BoundedSeconds(time.seconds)) +
          std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(time.nanos)));
    }
  }
  return options;
}

KubeletApi::KubeletApi(World& world, runtime::Runtime& runtime, const lifecycle::NodeConfig& node,
                       stats::Collector& stats,
                       std::function<const lifecycle::MachineInfo&()> machine,
                       std::function<lifecycle::PodManager*()> manager)
    : world_(world),
      runtime_(runtime),
      node_(node),
      stats_(stats),
      machine_(std::move(machine)),
      started_at_(world.clock.Now()),
      manager_(std::move(manager)),
      changed_(world.loop) {}

Task<http::Response> KubeletApi::Handle(http::Request request) {
  const std::string path(request.path());
  if (path == "/healthz") co_return Text(200, "ok");
  if (Status allowed = AuthorizeCaller(request); !allowed.ok())
    co_return Text(ReasonHttpCode(allowed.error().reason), allowed.error().message + "\n");
  const bool converses = path.starts_with("/exec/") || path.starts_with("/attach/") ||
                         path.starts_with("/portForward/");
  if (request.method != "GET" && !(converses && request.method == "POST"))
    co_return Text(405, "Method Not Allowed");
  if (path == "/metrics") co_return Metrics(telemetry::DefaultRegistry().Expose());
  if (!manager_()) co_return Text(503, "the agent is starting");
  if (path == "/stats/summary") {
    auto measuring = Summary();
    co_return co_await std::move(measuring);
  }
  if (path == "/metrics/resource") {
    auto measuring = ResourceMetrics();
    co_return co_await std::move(measuring);
  }
  Result<http::Response> answer = MakeError(Reason::kNotFound, "404 page not found");
  if (path.starts_with("/containerLogs/")) answer = Logs(request);
  if (path.starts_with("/exec/")) answer = Exec(request);
  if (path.starts_with("/attach/")) answer = Attach(request);
  if (path.starts_with("/portForward/")) answer = ForwardPorts(request);
  if (path == "/pods" || path == "/pods/" || path == "/runningpods/") answer = Pods();
  if (!answer.ok())
    co_return Text(ReasonHttpCode(answer.error().reason), answer.error().message + "\n");
  co_return std::move(answer).value();
}

Result<int32_t> KubeletApi::AttemptOf(const Pod& pod, const std::string& container,
                                      bool previous) const {
  const std::string where =
      "container \"" + container + "\" in pod \"" + pod.metadata().name() + "\"";
  auto sandbox = runtime_.PodSandboxStatus(pod.metadata().uid());
  const runtime::ContainerStatus* latest =
      sandbox.ok() ? lifecycle::LatestAttempt(*sandbox, container) : nullptr;
  if (!latest) {
    const lifecycle::ContainerStatus* known = lifecycle::FindStatus(pod.status(), container);
    const std::string reason = known && known->state().has_waiting()
                                   ? known->state().waiting().reason()
                                   : std::string("ContainerCreating");
    if (previous)
      return MakeError(Reason::kBadRequest, "previous terminated " + where + " not found");
    return MakeError(Reason::kBadRequest, where + " is waiting to start: " + reason);
  }
  if (!previous) return latest->attempt;
  if (latest->state == runtime::ContainerState::kExited &&
      lifecycle::ShouldContainerBeRestarted(pod, latest))
    return latest->attempt;
  if (latest->attempt == 0)
    return MakeError(Reason::kBadRequest, "previous terminated " + where + " not found");
  return latest->attempt - 1;
}

Result<http::Response> KubeletApi::Logs(const http::Request& request) {
  TRY(auto segments, Segments(request.path(), "/containerLogs/"));
  if (segments.size() != 3) return MakeError(Reason::kNotFound, "404 page not found");
  TRY(LogOptions options, ParseLogOptions(request.query(), world_.clock.Now()));
  const std::shared_ptr<const Pod> pod = manager_()->Find(segments[0], segments[1]);
  if (!pod) return MakeError(Reason::kNotFound, "pod \"" + segments[1] + "\" does not exist");
  const std::string container = segments[2];
  if (!lifecycle::FindContainer(*pod, container) && !lifecycle::FindInitContainer(*pod, container))
    return MakeError(Reason::kNotFound,
                     "container \"" + container + "\" not found in pod \"" + segments[1] + "\"");
  TRY(int32_t attempt, AttemptOf(*pod, container, options.previous));
  auto running = [this, uid = pod->metadata().uid(), container, attempt] {
    auto sandbox = runtime_.PodSandboxStatus(uid);
    if (!sandbox.ok()) return false;
    for (const auto& status : sandbox->containers)
      if (status.name == container && status.attempt == attempt)
        return status.state != runtime::ContainerState::kExited;
    return false;
  };
  http::Response response;
  response.headers.Set("Content-Type", "text/plain");
  response.stream =
      std::make_unique<LogStream>(world_, lifecycle::LogPath(node_, *pod, container, attempt),
                                  std::move(options), std::move(running), changed_);
  return response;
}

Result<KubeletApi::RunningContainer> KubeletApi::FindRunning(const http::Request& request,
                                                             std::string_view prefix) const {
  TRY(auto segments, Segments(request.path(), prefix));
  if (segments.size() != 3) return MakeError(Reason::kNotFound, "404 page not found");
  const std::shared_ptr<const Pod> pod = manager_()->Find(segments[0], segments[1]);
  if (!pod) return MakeError(Reason::kNotFound, "pod does not exist");
  RunningContainer found{.uid = pod->metadata().uid(), .name = segments[2]};
  auto sandbox = runtime_.PodSandboxStatus(found.uid);
  const runtime::ContainerStatus* latest =
      sandbox.ok() ? lifecycle::LatestAttempt(*sandbox, found.name) : nullptr;
  if (!latest || latest->state != runtime::ContainerState::kRunning)
    return MakeError(Reason::kNotFound, "container not found (\"" + found.name + "\")");
  return found;
}

Result<http::Response> KubeletApi::Exec(const http::Request& request) {
  TRY(RunningContainer container, FindRunning(request, "/exec/"));
  TRY(RemoteCommand command, ParseRemoteCommand(request.query(), true));
  auto start = [this, container](runtime::ExecOptions options) {
    return runtime_.Exec(container.uid, container.name, std::move(options));
  };
  return UpgradeToRemoteCommand(world_, request, std::move(command), std::move(start));
}

Result<http::Response> KubeletApi::Attach(const http::Request& request) {
  TRY(RunningContainer container, FindRunning(request, "/attach/"));
  TRY(RemoteCommand command, ParseRemoteCommand(request.query(), false));
  auto start = [this, container](const runtime::ExecOptions&) {
    return runtime_.Attach(container.uid, container.name);
  };
  return UpgradeToRemoteCommand(world_, request, std::move(command), std::move(start));
}

Result<http::Response> KubeletApi::ForwardPorts(const http::Request& request) {
  TRY(auto segments, Segments(request.path(), "/portForward/"));
  if (segments.size() != 2) return MakeError(Reason::kNotFound, "404 page not found");
  const std::shared_ptr<const Pod> pod = manager_()->Find(segments[0], segments[1]);
  if (!pod) return MakeError(Reason::kNotFound, "pod does not exist");
  const std::string uid = pod->metadata().uid();
  auto connect = [this, uid](uint16_t port) { return runtime_.Connect(uid, port); };
  return UpgradeToPortForward(world_, request, segments[1], std::move(connect));
}

Result<http::Response> KubeletApi::Pods() const {
  std::string body = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  bool first = true;
  for (const auto& pod : manager_()->Pods()) {
    if (!first) body += ',';
    first = false;
    api::AppendJson(*pod, body);
  }
  return Json(body + "]}\n");
}

Task<http::Response> KubeletApi::Summary() {
  auto pods = manager_()->Pods();
  std::set<std::string> all;
  for (const auto& pod : pods) all.insert(pod->metadata().uid());
  auto collecting = stats_.Collect(std::move(pods), std::move(all));
  const stats::Sample sample = co_await std::move(collecting);
  const stats::NodeIdentity node{
      .name = node_.node_name, .started_at = started_at_, .machine = machine_()};
  co_return Json(json::Dump(stats::MakeSummary(sample, node)));
}

Task<http::Response> KubeletApi::ResourceMetrics() {
  auto collecting = stats_.Collect(manager_()->Pods(), {});
  const stats::Sample sample = co_await std::move(collecting);
  co_return Metrics(stats::ResourceMetrics(sample));
}

}  // namespace wherry::nodeagent::streaming
