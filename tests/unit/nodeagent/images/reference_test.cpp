#include "nodeagent/images/image_service.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::images {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, FillsInWhatIsLeftOut) {
  struct Case {
    std::string text;
    std::string canonical;
  };
  const Case cases[] = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36"},
      {"org/app", "docker.io/org/app:latest"},
      {"index.docker.io/org/app", "docker.io/org/app:latest"},
      {"registry.k8s.io/e2e-test-images/agnhost:2.45",
       "registry.k8s.io/e2e-test-images/agnhost:2.45"},
      {"localhost/app", "localhost/app:latest"},
      {"localhost:5000/app", "localhost:5000/app:latest"},
      {"127.0.0.1:5000/a/b/c:T_1.x-y", "127.0.0.1:5000/a/b/c:T_1.x-y"},
      {"[::1]:5000/app", "[::1]:5000/app:latest"},
      {"app@" + kDigest, "docker.io/library/app@" + kDigest},
      {"app:v1@" + kDigest, "docker.io/library/app:v1@" + kDigest},
      {"x/a-b.c__d/e--f", "docker.io/x/a-b.c__d/e--f:latest"},
  };
  for (const auto& [text, canonical] : cases) {
    auto parsed = ParseImageReference(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->ToString(), canonical) << text;
  }
}

TEST(ImageReference, RefusesWhatTheGrammarDoes) {
  const std::string cases[] = {"",
                               "UPPER",
                               "a//b",
                               "/a",
                               "a/",
                               ":tag",
                               "a:",
                               "a:-tag",
                               "a b",
                               "a..b",
                               "a___b",
                               "-a",
                               "a-",
                               "a@sha256:12",
                               "a@",
                               "a:b:c",
                               "host:/app",
                               "host:999999/app",
                               "https://a/b",
                               "a/B",
                               "a:" + std::string(129, 't'),
                               std::string(256, 'a'),
                               "a@md5:" + std::string(32, 'a'),
                               "a\nb",
                               std::string("a\0b", 3),
                               "é"};
  for (const std::string& text : cases) {
    auto parsed = ParseImageReference(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().reason, Reason::kInvalid) << text;
  }
  EXPECT_NE(ParseImageReference("org/Upper").error().message.find("must be lowercase"),
            std::string::npos);
}

}  // namespace
}  // namespace wherry::nodeagent::images
