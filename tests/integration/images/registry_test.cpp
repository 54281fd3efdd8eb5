#include "lib/http/curl_client.h"
#include "lib/linux/file.h"
#include "lib/linux/process.h"
#include "lib/linux/temp_dir.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/images/digest.h"
#include "nodeagent/images/native_image_service.h"
#include "tests/integration/images/sample_image.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace wherry::nodeagent::images {
namespace {

using namespace std::chrono_literals;

constexpr const char* kProgram = "/usr/bin/docker-registry";

// A port that was free a moment ago.
int FreePort() {
  linux::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// Against Debian's docker-registry, which is not ours: what it serves is what registries serve.
class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (::access(kProgram, X_OK) != 0) GTEST_SKIP() << "needs the package docker-registry";
    auto made = linux::TempDir::Make("/tmp", "wherry-registry-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    host_ = "127.0.0.1:" + std::to_string(FreePort());
    std::string config =
        "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: " +
        Path("content") + "}\nhttp: {addr: \"" + host_ + "\"}\n";
    auto directory = linux::OpenDirectory(AT_FDCWD, directory_->path());
    ASSERT_TRUE(linux::ReplaceFile(directory->get(), "config.yml", config, 0644,
                                   linux::Durability::kPageCache)
                    .ok());
    auto null = linux::OpenAt(AT_FDCWD, "/dev/null", O_RDWR);
    auto process = linux::Process::Spawn({.arguments = {kProgram, "serve", Path("config.yml")},
                                          .environment = {"OTEL_TRACES_EXPORTER=none"},
                                          .inherit = {{null->get(), 1}, {null->get(), 2}}});
    ASSERT_TRUE(process.ok()) << process.error().message;
    process_ = std::move(*process);
    client_ = std::make_unique<http::CurlClient>(world_.world().loop, http::CurlClient::Options{});
    auto service = NativeImageService::Open(
        world_.world(), {.directory = Path("images"), .insecure_registries = {host_}}, *client_);
    ASSERT_TRUE(service.ok());
    service_ = std::move(*service);
    bool up = false;
    for (int i = 0; i < 100 && !up; ++i) up = Run(Up());
    ASSERT_TRUE(up) << "the registry does not answer";
  }
  void TearDown() override {
    service_.reset();
    client_.reset();
  }

  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }

  template <typename T>
  T Run(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(world_.world().loop);
    scope.Spawn("test", Keep(std::move(task), &result));
    world_.world().loop.Run();
    return std::move(*result);
  }
  template <typename T>
  Task<void> Keep(Task<T> task, std::optional<T>* result) {
    auto value = co_await std::move(task);
    result->emplace(std::move(value));
    world_.world().loop.Stop();
  }

  Task<bool> Up() {
    http::Request request;
    request.target = "http://" + host_ + "/v2/";
    auto answered = client_->RoundTrip(std::move(request), false);
    auto response = co_await std::move(answered);
    if (response.ok() && response->status == 200) co_return true;
    co_await SleepFor(world_.world().loop, 50ms);
    co_return false;
  }
  Task<int> Send(std::string method, std::string url, std::string type, std::string body,
                 std::string* location) {
    http::Request request;
    request.method = method;
    request.target = url;
    request.headers.Set("Content-Type", type);
    request.body = std::move(body);
    auto answered = client_->RoundTrip(std::move(request), false);
    auto response = co_await std::move(answered);
    if (!response.ok()) co_return 0;
    if (location != nullptr) *location = response->headers.Get("Location");
    co_return response->status;
  }
  Task<bool> Push(SampleImage image, std::string repository, std::string tag) {
    const std::string base = "http://" + host_ + "/v2/" + repository;
    for (const auto& [digest, blob] : image.blobs) {
      std::string location;
      auto begin = Send("POST", base + "/blobs/uploads/", "", "", &location);
      if (co_await std::move(begin) != 202) co_return false;
      std::string url =
          location + (location.find('?') == std::string::npos ? "?" : "&") + "digest=" + digest;
      auto put = Send("PUT", url, "application/octet-stream", blob, nullptr);
      if (co_await std::move(put) != 201) co_return false;
    }
    auto put = Send("PUT", base + "/manifests/" + tag, "application/vnd.oci.image.manifest.v1+json",
                    image.manifest, nullptr);
    co_return co_await std::move(put) == 201;
  }

  RealWorld world_;
  std::optional<linux::TempDir> directory_;
  linux::Process process_;
  std::string host_;
  std::unique_ptr<http::CurlClient> client_;
  std::unique_ptr<NativeImageService> service_;
};

TEST_F(RegistryTest, ServesWhatWasPushedAndABrokenBlobIsNotUsed) {
  SampleImage image = MakeSampleImage("from a registry");
  ASSERT_TRUE(Run(Push(image, "team/app", "v1")));
  auto pulled = Run(service_->PullImage(host_ + "/team/app:v1", std::nullopt));
  ASSERT_TRUE(pulled.ok()) << pulled.error().message;
  EXPECT_EQ(pulled->id, Sha256Of(image.config));
  EXPECT_EQ(pulled->config.user, "app");

  auto absent = Run(service_->PullImage(host_ + "/team/app:v2", std::nullopt));
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().reason, Reason::kNotFound);

  // The registry's disk goes bad: the same size, one bit of the layer different.
  SampleImage second = MakeSampleImage("another");
  ASSERT_TRUE(Run(Push(second, "team/app", "v3")));
  std::string digest = Sha256Of(second.layers[0]).substr(7);
  std::string blob =
      Path("content/docker/registry/v2/blobs/sha256/" + digest.substr(0, 2) + "/" + digest);
  std::string bad = second.layers[0];
  bad[100] = static_cast<char>(bad[100] ^ 1);
  auto directory = linux::OpenDirectory(AT_FDCWD, blob);
  ASSERT_TRUE(directory.ok()) << directory.error().message;
  ASSERT_TRUE(
      linux::ReplaceFile(directory->get(), "data", bad, 0644, linux::Durability::kPageCache).ok());
  auto broken = Run(service_->PullImage(host_ + "/team/app:v3", std::nullopt));
  ASSERT_FALSE(broken.ok());
  EXPECT_FALSE(service_->ImageStatus(host_ + "/team/app:v3").ok());
}

}  // namespace
}  // namespace wherry::nodeagent::images
