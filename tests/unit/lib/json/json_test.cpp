#include "lib/json/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wherry::json {
namespace {

TEST(Parse, ReadsDocuments) {
  auto value = Parse(R"({"a":[1,-2,2.5,true,null,"xé\n"],"b":{}})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(Dump(*value), "{\"a\":[1,-2,2.5,true,null,\"x\xC3\xA9\\n\"],\"b\":{}}");
}

TEST(Parse, RefusesBadTextWithoutThrowing) {
  for (const char* text : {"", " ", "{", "{\"a\"}", "[1,]", "01", "nul", "\"\xFF\"", "\"\\x\"",
                           "{} {}", "'a'", "1e999", "[1}", "\x01", "\"a"}) {
    auto value = Parse(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().reason, Reason::kBadRequest) << text;
    EXPECT_EQ(value.error().message.find("exception"), std::string::npos) << value.error().message;
  }
}

TEST(Parse, LimitsDepthAndSize) {
  EXPECT_TRUE(Parse("[[[]]]", {.max_depth = 3}).ok());
  auto deep = Parse("[[[[]]]]", {.max_depth = 3});
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().message, "parse JSON: nested deeper than 3 levels");
  EXPECT_FALSE(Parse(std::string(1'000'000, '[')).ok());
  EXPECT_EQ(Parse("[1,2]", {.max_bytes = 4}).error().reason, Reason::kRequestEntityTooLarge);
}

TEST(Parse, ReportsDuplicateKeys) {
  std::vector<DuplicateKey> duplicates;
  auto value =
      Parse(R"({"a":1,"b":[{"x":1},{"x":1,"y":{"z":1,"z":2},"x":3}],"a":2})", {}, &duplicates);
  ASSERT_TRUE(value.ok());
  std::vector<std::string> paths;
  for (const DuplicateKey& duplicate : duplicates) paths.push_back(duplicate.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"b[1].y.z", "b[1].x", "a"}));
  EXPECT_EQ(Dump(*value), R"({"a":2,"b":[{"x":1},{"x":3,"y":{"z":2}}]})");
}

TEST(AppendQuoted, EscapesLikeDump) {
  for (std::string text :
       {std::string("plain"), std::string("q\"b\\s/\n\r\t\b\f"), std::string("\x00\x1f", 2),
        std::string("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), std::string("\x7F")}) {
    std::string out;
    AppendQuoted(out, text);
    EXPECT_EQ(out, Dump(Value(text)));
  }
}

TEST(AppendQuoted, ReplacesBadUtf8) {
  std::string out;
  AppendQuoted(out, "a\xFFz\xC0\x80\xED\xA0\x80\xE2\x82");
  auto parsed = Parse(out);
  ASSERT_TRUE(parsed.ok()) << out;
  EXPECT_EQ(parsed->get<std::string>().substr(0, 5), "a\xEF\xBF\xBDz");
}

}  // namespace
}  // namespace wherry::json
