#include "tests/unit/nodeagent/node_fixture.h"

#include "lib/linux/file.h"
#include "lib/loop/task_scope.h"

#include <fcntl.h>

#include <optional>

namespace wherry::nodeagent {

namespace {

const http::UserInfo kAdmin{.name = "admin", .groups = {"system:masters"}};

Task<void> HandleOne(http::Handler& handler, http::Request request,
                     std::shared_ptr<std::optional<http::Response>> out) {
  auto handling = handler.Handle(std::move(request));
  out->emplace(co_await std::move(handling));
}

Task<void> StartServer(apiserver::App& app, bool& done) {
  auto starting = app.Start();
  auto started = co_await std::move(starting);
  done = started.ok();
}

Task<void> PullAll(http::BodySource& stream, std::string& text) {
  while (true) {
    auto pulling = stream.Next();
    auto chunk = co_await std::move(pulling);
    if (!chunk.ok() || !chunk->has_value()) break;
    if ((*chunk)->bytes) text += *(*chunk)->bytes;
  }
}

std::string Collect(SimWorld& sim, http::Response& response) {
  std::string text = response.shared_body ? *response.shared_body : response.body;
  if (!response.stream) return text;
  TaskScope scope(sim.world().loop);
  scope.Spawn("pull", PullAll(*response.stream, text));
  sim.Settle();
  return text;
}

}  // namespace

Task<Result<http::Response>> ScriptedHttp::RoundTrip(http::Request request, bool /*stream*/) {
  asked.push_back(request);
  if (!answer) co_return http::Response{};
  co_return answer(request);
}

Task<Status> ScriptedTcp::Dial(std::string host, int port) {
  ++dialled;
  if (open) co_return Ok();
  co_return MakeError(Reason::kServiceUnavailable, "dial tcp " + host + ":" + std::to_string(port) +
                                                       ": connect: connection refused");
}

void NodeFixture::SetUp() {
  World& world = sim_.world();
  store_ = std::make_unique<apiserver::storage::MemoryStore>(world);
  server_ = std::make_unique<apiserver::App>(world, *store_, server_options_);
  bool done = false;
  TaskScope scope(world.loop);
  scope.Spawn("start", StartServer(*server_, done));
  sim_.Settle();
  ASSERT_TRUE(done);
  transport_ = std::make_unique<http::InProcessRoundTripper>(
      server_->handler(),
      http::InProcessRoundTripper::Options{.user = kAdmin, .wants_objects = true});
  client_ = std::make_unique<client::ApiClient>(
      world.loop, *transport_, client::ApiClient::Options{.in_process = true, .user = kAdmin});
  machine_ = std::make_unique<runtime::fake::FakeRuntime::Node>(world);
  images_ = std::make_unique<runtime::fake::FakeImageService>(world);
  images_->Add("example/app:1");
  machine_info_.kernel_version = "6.18.0";
  machine_info_.os_image = "Debian GNU/Linux 12 (bookworm)";
  machine_info_.architecture = "amd64";
  machine_info_.cpu_milli = 2000;
  machine_info_.memory_bytes = 4LL << 30;
  machine_info_.storage_bytes = 100LL << 30;
  machine_info_.storage_inodes = 1000000;
  machine_usage_.memory_available_bytes = 3LL << 30;
  machine_usage_.storage_available_bytes = 60LL << 30;
  machine_usage_.storage_used_bytes = 40LL << 30;
  machine_usage_.storage_inodes_free = 900000;
  machine_usage_.processes_max = 4194304;
  Answer account = Ask("POST", "/api/v1/namespaces/default/serviceaccounts",
                       {{"metadata", {{"name", "default"}}}});
  ASSERT_EQ(account.status, 201) << account.text;
}

void NodeFixture::StartAgent(std::function<void(Options&)> change) {
  Options options;
  options.node_name = "n1";
  options.node_ip = "192.168.7.1";
  options.data_dir = directory_.path();
  options.cluster_dns = "10.96.0.10";
  options.etc_directory = directory_.path() + "/etc";
  if (change) change(options);
  runtime_ = std::make_unique<runtime::fake::FakeRuntime>(sim_.world(), *machine_);
  Substitutes substitutes{.probe_http = &http_,
                          .probe_grpc = &http_,
                          .probe_tcp = &tcp_,
                          .mounts = mounts_,
                          .machine = &machine_info_,
                          .usage = [this] { return machine_usage_; }};
  agent_ = std::make_unique<App>(sim_.world(), *client_, *runtime_, *images_, std::move(options),
                                 std::move(substitutes));
  agent_->Start();
  ASSERT_TRUE(sim_.RunUntil([&] { return agent_->HasSynced() && agent_->registered(); },
                            std::chrono::seconds(5)));
}

NodeFixture::Answer NodeFixture::Ask(std::string method, std::string target, const Json& body,
                                     std::string content_type) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.authenticated_user = kAdmin;
  if (!body.is_null()) {
    request.headers.Set("Content-Type", std::move(content_type));
    request.body = body.dump();
  }
  auto out = std::make_shared<std::optional<http::Response>>();
  TaskScope scope(sim_.world().loop);
  scope.Spawn("request", HandleOne(server_->handler(), std::move(request), out));
  sim_.Settle();
  Answer answer;
  if (!out->has_value()) return answer;
  answer.status = (*out)->status;
  answer.text = Collect(sim_, **out);
  answer.body = Json::parse(answer.text, nullptr, false);
  return answer;
}

NodeFixture::Answer NodeFixture::AskAgent(std::string target, bool authenticated) {
  http::Request request;
  request.target = std::move(target);
  if (authenticated) request.authenticated_user = kAdmin;
  auto out = std::make_shared<std::optional<http::Response>>();
  TaskScope scope(sim_.world().loop);
  scope.Spawn("request", HandleOne(agent_->handler(), std::move(request), out));
  sim_.Settle();
  Answer answer;
  if (!out->has_value()) return answer;
  answer.status = (*out)->status;
  answer.text = Collect(sim_, **out);
  answer.body = Json::parse(answer.text, nullptr, false);
  return answer;
}

Json NodeFixture::Container(std::vector<std::string> command, Json more) {
  Json container = {{"name", "c"}, {"image", "example/app:1"}, {"command", std::move(command)}};
  container.update(more);
  return container;
}

void NodeFixture::CreatePod(const std::string& name, Json spec, Json metadata) {
  metadata["name"] = name;
  if (!spec.contains("nodeName")) spec["nodeName"] = "n1";
  if (spec["nodeName"].is_null()) spec.erase("nodeName");
  Answer created = Ask("POST", "/api/v1/namespaces/default/pods",
                       {{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)}});
  ASSERT_EQ(created.status, 201) << created.text;
}

Json NodeFixture::Pod(const std::string& name) {
  return Ask("GET", "/api/v1/namespaces/default/pods/" + name).body;
}

Json NodeFixture::ContainerStatus(const std::string& pod, size_t index) {
  return Pod(pod)["status"]["containerStatuses"][index];
}

std::vector<std::string> NodeFixture::EventReasons(const std::string& pod) {
  std::vector<std::string> reasons;
  sim_.Settle();
  const Json events = Ask("GET", "/api/v1/namespaces/default/events").body;
  for (const auto& event : events["items"])
    if (event["involvedObject"]["name"] == pod) reasons.push_back(event["reason"]);
  return reasons;
}

std::vector<std::string> NodeFixture::EventMessages(const std::string& pod) {
  std::vector<std::string> messages;
  sim_.Settle();
  const Json events = Ask("GET", "/api/v1/namespaces/default/events").body;
  for (const auto& event : events["items"])
    if (event["involvedObject"]["name"] == pod) messages.push_back(event["message"]);
  return messages;
}

::testing::AssertionResult NodeFixture::Until(const std::string& pod,
                                              const std::function<bool(Json)>& condition,
                                              std::chrono::nanoseconds limit) {
  const MonotonicTime end =
      sim_.world().loop.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(limit);
  while (true) {
    const Json now = Pod(pod);
    if (condition(now)) return ::testing::AssertionSuccess();
    if (sim_.world().loop.MonotonicNow() >= end)
      return ::testing::AssertionFailure() << now.dump(1);
    const auto step = limit > std::chrono::seconds(30) ? std::chrono::milliseconds(100)
                                                       : std::chrono::milliseconds(1);
    sim_.Advance(step);
  }
}

::testing::AssertionResult NodeFixture::UntilPhase(const std::string& pod, const std::string& phase,
                                                   std::chrono::nanoseconds limit) {
  return Until(pod, [&](Json now) { return now["status"]["phase"] == phase; }, limit);
}

::testing::AssertionResult NodeFixture::UntilGone(const std::string& pod,
                                                  std::chrono::nanoseconds limit) {
  return Until(pod, [](Json now) { return now["kind"] == "Status" && now["code"] == 404; }, limit);
}

std::string NodeFixture::ConditionOf(Json pod, const std::string& type) {
  for (const auto& condition : pod["status"]["conditions"])
    if (condition["type"] == type) return condition["status"];
  return "";
}

std::string NodeFixture::ReadVolumeFile(const std::string& path) {
  auto text = linux::ReadFile(AT_FDCWD, path);
  return text.ok() ? std::move(text).value() : "<" + text.error().message + ">";
}

std::string NodeFixture::MountSource(const std::string& pod, const std::string& container,
                                     const std::string& target) {
  const auto* config = machine_->ConfigOf(Uid(pod), container);
  if (!config) return "<no container>";
  for (const auto& mount : config->mounts)
    if (mount.container_path == target) return mount.host_path;
  return "<no mount>";
}

}  // namespace wherry::nodeagent
