#include "lib/linux/temp_dir.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/images/digest.h"
#include "nodeagent/images/native_image_service.h"
#include "tests/integration/images/sample_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

namespace wherry::nodeagent::images {
namespace {

using testing::HasSubstr;

// A registry in memory, with every turn a real one may take.
class FakeRegistry : public http::RoundTripper {
 public:
  explicit FakeRegistry(Loop& loop) : loop_(loop) {}

  enum class Auth { kNone, kBearer, kBasic };
  Auth auth = Auth::kNone;
  bool redirect_blobs = false;
  bool unreachable = false;
  bool chunked_forever = false;
  std::map<std::string, std::string> content;  // by path after /v2/
  std::vector<std::string> requests;
  std::vector<std::string> leaked;  // hosts that saw credentials they should not

  void Serve(const std::string& repository, const SampleImage& image, bool as_index) {
    const std::string base = repository + "/";
    content[base + "manifests/v1"] = as_index ? image.index : image.manifest;
    content[base + "manifests/" + image.index_digest] = image.index;
    content[base + "manifests/" + image.manifest_digest] = image.manifest;
    for (const auto& [digest, blob] : image.blobs) content[base + "blobs/" + digest] = blob;
  }

  Task<Result<http::Response>> RoundTrip(http::Request request, bool stream_body) override {
    co_await Yield(loop_);
    requests.push_back(request.target);
    if (unreachable) co_return MakeError(Reason::kServiceUnavailable, "connection refused");
    co_return Answer(request, stream_body);
  }

 private:
  class Pieces : public http::BodySource {
   public:
    Pieces(std::string bytes, bool forever) : bytes_(std::move(bytes)), forever_(forever) {}
    Task<Result<std::optional<http::Chunk>>> Next() override {
      if (at_ >= bytes_.size() && !forever_) co_return std::optional<http::Chunk>();
      if (at_ >= bytes_.size()) at_ = 0;
      auto piece = std::make_shared<const std::string>(bytes_.substr(at_, 1000));
      at_ += piece->size();
      co_return std::optional<http::Chunk>(http::Chunk{.bytes = piece});
    }

   private:
    std::string bytes_;
    bool forever_;
    size_t at_ = 0;
  };

  http::Response Answer(const http::Request& request, bool stream_body) {
    http::Response response;
    std::string authorization(request.headers.Get("Authorization"));
    std::string_view target = request.target;
    constexpr std::string_view kHost = "http://registry.test:5000";
    if (target.starts_with("https://elsewhere.test/")) {
      if (!authorization.empty()) leaked.push_back(request.target);
      return Give(content["a/b/blobs/" + std::string(target.substr(23))], stream_body);
    }
    if (target.starts_with("https://token.test/")) {
      EXPECT_THAT(request.target, HasSubstr("service=svc&scope=repository%3Aa%2Fb%3Apull"));
      bool known = authorization == "Basic dXNlcjpwYXNz";
      if (!known) response.status = 401;
      response.body = R"({"token":"good"})";
      return response;
    }
    EXPECT_TRUE(target.starts_with(kHost)) << target;
    std::string path(target.substr(kHost.size() + 4));
    const char* wanted = auth == Auth::kBearer ? "Bearer good" : "Basic dXNlcjpwYXNz";
    if (auth != Auth::kNone && authorization != wanted) {
      response.status = 401;
      response.headers.Set(
          "WWW-Authenticate",
          auth == Auth::kBearer
              ? R"(Bearer realm="https://token.test/t",service="svc",scope="repository:a/b:pull")"
              : R"(Basic realm="r")");
      return response;
    }
    if (!content.contains(path)) {
      response.status = 404;
      return response;
    }
    size_t blobs = path.find("/blobs/");
    if (redirect_blobs && blobs != std::string::npos) {
      response.status = 307;
      response.headers.Set("Location", "https://elsewhere.test/" + path.substr(blobs + 7));
      return response;
    }
    return Give(content[path], stream_body);
  }

  http::Response Give(const std::string& bytes, bool stream_body) {
    http::Response response;
    if (stream_body) {
      response.stream = std::make_unique<Pieces>(bytes, chunked_forever);
    } else {
      response.body = bytes;
    }
    return response;
  }

  Loop& loop_;
};

class PullTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto made = linux::TempDir::Make("/tmp", "wherry-pull-");
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    registry_ = std::make_unique<FakeRegistry>(world_.world().loop);
    OpenStore("images");
  }
  void OpenStore(const std::string& name) {
    auto service = NativeImageService::Open(world_.world(),
                                            {.directory = directory_->path() + "/" + name,
                                             .insecure_registries = {"registry.test:5000"}},
                                            *registry_);
    ASSERT_TRUE(service.ok());
    service_ = std::move(*service);
  }
  Result<Image> Pull(const std::string& reference, std::optional<RegistryAuth> auth = {}) {
    auto images = PullMany({reference}, std::move(auth));
    return std::move(images[0]);
  }
  std::vector<Result<Image>> PullMany(const std::vector<std::string>& references,
                                      std::optional<RegistryAuth> auth = {}) {
    std::vector<Result<Image>> results;
    TaskScope scope(world_.world().loop);
    for (const std::string& reference : references) {
      scope.Spawn("pull", Keep(reference, auth, references.size(), &results));
    }
    world_.world().loop.Run();
    return results;
  }
  Task<void> Keep(std::string reference, std::optional<RegistryAuth> auth, size_t all,
                  std::vector<Result<Image>>* results) {
    auto pull = service_->PullImage(reference, auth);
    auto image = co_await std::move(pull);
    results->push_back(std::move(image));
    if (results->size() == all) world_.world().loop.Stop();
  }

  RealWorld world_;
  std::optional<linux::TempDir> directory_;
  std::unique_ptr<FakeRegistry> registry_;
  std::unique_ptr<NativeImageService> service_;
  SampleImage sample_ = MakeSampleImage("m");
};

TEST_F(PullTest, ByTagThroughAnIndexAndByDigest) {
  registry_->Serve("a/b", sample_, true);
  auto image = Pull("registry.test:5000/a/b:v1");
  ASSERT_TRUE(image.ok()) << image.error().message;
  EXPECT_EQ(image->id, Sha256Of(sample_.config));
  EXPECT_EQ(image->repo_tags, std::vector<std::string>{"registry.test:5000/a/b:v1"});
  EXPECT_EQ(image->repo_digests,
            std::vector<std::string>{"registry.test:5000/a/b@" + sample_.index_digest});
  EXPECT_TRUE(service_->ImageStatus("registry.test:5000/a/b:v1").ok());
  EXPECT_TRUE(service_->ImageStatus(image->id).ok());

  auto by_digest = Pull("registry.test:5000/a/b@" + sample_.manifest_digest);
  ASSERT_TRUE(by_digest.ok()) << by_digest.error().message;
  EXPECT_EQ(by_digest->id, image->id);
  EXPECT_TRUE(service_->ImageStatus("registry.test:5000/a/b@" + sample_.manifest_digest).ok());
}

TEST_F(PullTest, LayersThatAreThereAreNotFetchedAgain) {
  registry_->Serve("a/b", sample_, false);
  ASSERT_TRUE(Pull("registry.test:5000/a/b:v1").ok());
  registry_->requests.clear();
  ASSERT_TRUE(Pull("registry.test:5000/a/b:v1").ok());
  for (const std::string& request : registry_->requests) {
    EXPECT_THAT(request, testing::Not(HasSubstr(Sha256Of(sample_.layers[0]))));
  }
}

TEST_F(PullTest, PullsOfOneReferenceShareTheWork) {
  registry_->Serve("a/b", sample_, false);
  std::vector<std::string> same(5, "registry.test:5000/a/b:v1");
  for (const auto& result : PullMany(same)) EXPECT_TRUE(result.ok());
  EXPECT_EQ(registry_->requests.size(), 4u);  // manifest, config, two layers
}

TEST_F(PullTest, BearerAndBasicAuthentication) {
  registry_->Serve("a/b", sample_, false);
  for (auto auth : {FakeRegistry::Auth::kBearer, FakeRegistry::Auth::kBasic}) {
    registry_->auth = auth;
    auto refused = Pull("registry.test:5000/a/b:v1");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().reason, Reason::kUnauthorized);
    auto image = Pull("registry.test:5000/a/b:v1", RegistryAuth{"user", "pass"});
    EXPECT_TRUE(image.ok()) << image.error().message;
  }
}

TEST_F(PullTest, RedirectsAreFollowedWithoutTheCredentials) {
  registry_->Serve("a/b", sample_, false);
  registry_->auth = FakeRegistry::Auth::kBasic;
  registry_->redirect_blobs = true;
  auto image = Pull("registry.test:5000/a/b:v1", RegistryAuth{"user", "pass"});
  EXPECT_TRUE(image.ok()) << image.error().message;
  EXPECT_TRUE(registry_->leaked.empty()) << registry_->leaked[0];
}

TEST_F(PullTest, AnyWrongByteIsNoticedAndNothingIsKept) {
  for (const auto& [digest, blob] : sample_.blobs) {
    // A store of its own: layers before the wrong one stay, for the next try.
    OpenStore(digest);
    registry_->Serve("a/b", sample_, true);
    for (auto& [path, bytes] : registry_->content) {
      if (path.ends_with(digest))
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    }
    auto image = Pull("registry.test:5000/a/b:v1");
    ASSERT_FALSE(image.ok()) << digest;
    EXPECT_THAT(image.error().message, HasSubstr("unexpected commit digest"));
    EXPECT_TRUE(service_->ListImages().empty());
  }
  // Asked for by digest, the manifest itself must have it.
  registry_->Serve("a/b", sample_, true);
  registry_->content["a/b/manifests/" + sample_.manifest_digest] += " ";
  EXPECT_FALSE(Pull("registry.test:5000/a/b@" + sample_.manifest_digest).ok());
}

TEST_F(PullTest, ALayerThatNeverEndsIsCutOff) {
  registry_->Serve("a/b", sample_, false);
  registry_->chunked_forever = true;
  auto image = Pull("registry.test:5000/a/b:v1");
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(image.error().message, HasSubstr("longer than announced"));
}

TEST_F(PullTest, AbsentImagesAndRegistriesSaySo) {
  auto absent = Pull("registry.test:5000/a/b:v1");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().reason, Reason::kNotFound);
  EXPECT_EQ(absent.error().message,
            "failed to pull and unpack image \"registry.test:5000/a/b:v1\": failed to resolve "
            "reference \"registry.test:5000/a/b:v1\": registry.test:5000/a/b:v1: not found");
  registry_->unreachable = true;
  EXPECT_EQ(Pull("registry.test:5000/a/b:v1").error().reason, Reason::kServiceUnavailable);
  EXPECT_EQ(Pull("UPPER").error().reason, Reason::kInvalid);
}

}  // namespace
}  // namespace wherry::nodeagent::images
