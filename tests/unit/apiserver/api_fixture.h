#pragma once

#include "apiserver/app.h"
#include "apiserver/storage/memory/memory_store.h"
#include "lib/http/message.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::apiserver {

// A whole API server over the memory store in virtual time, asked as a client would.
class ApiFixture : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    http::Headers headers;
    std::string text;
    nlohmann::json body;  // null when the text is no JSON
  };

  void SetUp() override;

  // With the admin's token. `body` is sent as `content_type` when it is not empty.
  Answer Ask(std::string method, std::string target, std::string body = "",
             std::string content_type = "application/json", std::string accept = "",
             std::string token = "admin-token");
  Answer Get(std::string target) { return Ask("GET", std::move(target)); }
  Answer Post(std::string target, std::string body) {
    return Ask("POST", std::move(target), std::move(body));
  }
  // Signs service account tokens.
  static const std::string& SigningKey();
  http::Response Send(http::Request request);
  // Pulls what a stream has to say until it waits or ends; returns the text.
  std::string Pull(http::BodySource& stream);

  SimWorld sim_{7};
  std::unique_ptr<storage::MemoryStore> store_;
  std::unique_ptr<App> app_;
};

inline constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";
// A pod of that name, as a client writes one.
std::string PodJson(const std::string& name, const std::string& labels = "{}");
std::string ConfigMapJson(const std::string& name, const std::string& value = "v");

}  // namespace wherry::apiserver
