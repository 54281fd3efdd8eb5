#pragma once

#include "apiserver/app.h"
#include "apiserver/storage/memory/memory_store.h"
#include "lib/client/api_client.h"
#include "lib/http/in_process.h"
#include "lib/linux/temp_dir.h"
#include "lib/loop/world.h"
#include "nodeagent/app.h"
#include "nodeagent/lifecycle/machine_info.h"
#include "nodeagent/probes/prober.h"
#include "nodeagent/runtime/fake/fake_image_service.h"
#include "nodeagent/runtime/fake/fake_runtime.h"
#include "nodeagent/volumes/mount_calls.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent {

using Json = nlohmann::json;

// Answers what the test says; remembers what was asked.
class ScriptedHttp : public http::RoundTripper {
 public:
  Task<Result<http::Response>> RoundTrip(http::Request request, bool stream_body) override;
  std::function<Result<http::Response>(const http::Request&)> answer;
  std::vector<http::Request> asked;
};
class ScriptedTcp : public probes::TcpDialer {
 public:
  Task<Status> Dial(std::string host, int port) override;
  bool open = true;
  int dialled = 0;
};

// A node agent over the fake runtime and a real API server on the memory store, all in one thread
// with virtual time.
class NodeFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void StartAgent(std::function<void(Options&)> change = nullptr);
  void StopAgent() { agent_.reset(); }

  struct Answer {
    int status = 0;
    Json body;
    std::string text;
  };
  Answer Ask(std::string method, std::string target, const Json& body = nullptr,
             std::string content_type = "application/json");
  // Asks the agent's own API.
  Answer AskAgent(std::string target, bool authenticated = true);

  // Creates a pod bound to the node; `spec` may leave nodeName and the first container's name out.
  void CreatePod(const std::string& name, Json spec, Json metadata = Json::object());
  static Json Container(std::vector<std::string> command, Json more = Json::object());
  Json Pod(const std::string& name);
  Json ContainerStatus(const std::string& pod, size_t index = 0);
  std::string Uid(const std::string& pod) { return Pod(pod)["metadata"]["uid"]; }
  std::vector<std::string> EventReasons(const std::string& pod);
  std::vector<std::string> EventMessages(const std::string& pod);
  // Moves time until the pod's JSON satisfies `condition`.
  ::testing::AssertionResult Until(const std::string& pod,
                                   const std::function<bool(Json)>& condition,
                                   std::chrono::nanoseconds limit = std::chrono::seconds(5));
  ::testing::AssertionResult UntilPhase(const std::string& pod, const std::string& phase,
                                        std::chrono::nanoseconds limit = std::chrono::seconds(5));
  ::testing::AssertionResult UntilGone(const std::string& pod,
                                       std::chrono::nanoseconds limit = std::chrono::seconds(60));
  static std::string ConditionOf(Json pod, const std::string& type);
  std::string ReadVolumeFile(const std::string& path);
  // The host path mounted at `target` in the newest attempt of the container.
  std::string MountSource(const std::string& pod, const std::string& container,
                          const std::string& target);

  apiserver::App::Options server_options_;  // before SetUp
  SimWorld sim_{1};
  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-node-").value())};
  std::unique_ptr<apiserver::storage::MemoryStore> store_;
  std::unique_ptr<apiserver::App> server_;
  std::unique_ptr<http::InProcessRoundTripper> transport_;
  std::unique_ptr<client::ApiClient> client_;
  std::unique_ptr<runtime::fake::FakeRuntime::Node> machine_;
  std::unique_ptr<runtime::fake::FakeRuntime> runtime_;
  std::unique_ptr<runtime::fake::FakeImageService> images_;
  std::shared_ptr<volumes::MountCalls> mounts_ = volumes::NoMountCalls();
  ScriptedHttp http_;
  ScriptedTcp tcp_;
  lifecycle::MachineInfo machine_info_;
  lifecycle::MachineUsage machine_usage_;  // told to agents that are started from now on
  std::unique_ptr<App> agent_;
};

}  // namespace wherry::nodeagent
