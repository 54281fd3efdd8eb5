#include "tests/unit/apiserver/api_fixture.h"

#include <filesystem>
#include <fstream>

namespace wherry::apiserver {
namespace {

class Conformance : public ApiFixture {
 protected:
  void RunFile(const std::string& file) {
    std::ifstream stream(file);
    nlohmann::json steps = nlohmann::json::parse(stream);
    for (size_t i = 0; i < steps.size(); ++i) {
      const nlohmann::json& step = steps[i];
      SCOPED_TRACE(file + "[" + std::to_string(i) + "] " + step["path"].get<std::string>());
      std::string body;
      if (step.contains("body")) {
        body = step["body"].is_string() ? step["body"].get<std::string>() : step["body"].dump();
      }
      Answer answer = Ask(step.value("method", "GET"), step["path"], body,
                          step.value("content_type", "application/json"), step.value("accept", ""));
      EXPECT_EQ(answer.status, step["status"]) << answer.text.substr(0, 500);
      const nlohmann::json match = step.value("match", nlohmann::json::object());
      for (const auto& [pointer, wanted] : match.items()) {
        nlohmann::json::json_pointer at(pointer);
        if (!answer.body.contains(at)) {
          ADD_FAILURE() << pointer << " is not there: " << answer.text.substr(0, 500);
        } else if (wanted != "*") {
          EXPECT_EQ(answer.body[at], wanted) << pointer;
        }
      }
    }
  }
};

// Every file of tests/conformance holds; its README says what they are.
TEST_F(Conformance, Files) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("tests/conformance")) {
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  }
  EXPECT_GE(files.size(), 5u);
  for (const std::string& file : files) RunFile(file);
}

}  // namespace
}  // namespace wherry::apiserver
