#include "lib/http/message.h"

#include <gtest/gtest.h>

namespace wherry::http {
namespace {

TEST(HeadersTest, NamesCompareWithoutCase) {
  Headers headers;
  headers.Add("Content-Type", "a");
  headers.Add("content-type", "b");
  EXPECT_EQ(headers.Get("CONTENT-TYPE"), "a");
  headers.Set("Content-type", "c");
  EXPECT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(headers.Get("content-type"), "c");
  EXPECT_FALSE(headers.Has("Accept"));
  EXPECT_EQ(headers.Get("Accept"), "");
}

TEST(RequestTest, TargetSplitsAtTheFirstQuestionMark) {
  Request request;
  request.target = "/api/v1/pods?watch=1&x=?";
  EXPECT_EQ(request.path(), "/api/v1/pods");
  EXPECT_EQ(request.query(), "watch=1&x=?");
  request.target = "/healthz";
  EXPECT_EQ(request.path(), "/healthz");
  EXPECT_EQ(request.query(), "");
}

TEST(PercentTest, DecodesEscapesAndRefusesBrokenOnes) {
  EXPECT_EQ(*PercentDecode("a%2Fb%20c+d", false), "a/b c+d");
  EXPECT_EQ(*PercentDecode("a+b", true), "a b");
  for (const char* broken : {"%", "%2", "%zz", "a%4"}) {
    EXPECT_EQ(PercentDecode(broken, false).error().reason, Reason::kBadRequest) << broken;
  }
}

TEST(PercentTest, EncodeEscapesWhatDecodeReads) {
  EXPECT_EQ(PercentEncode("a/b c~é"), "a%2Fb%20c~%C3%A9");
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  EXPECT_EQ(*PercentDecode(PercentEncode(every_byte), true), every_byte);
}

TEST(ParseQueryTest, KeepsOrderAndEmptyValues) {
  const auto parameters = ParseQuery("labelSelector=a%3Db%2Cc&watch&x=&&y=1+2");
  ASSERT_TRUE(parameters.ok());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"labelSelector", "a=b,c"}, {"watch", ""}, {"x", ""}, {"y", "1 2"}};
  EXPECT_EQ(*parameters, expected);
  EXPECT_TRUE(ParseQuery("")->empty());
  EXPECT_FALSE(ParseQuery("a=%G0").ok());
}

}  // namespace
}  // namespace wherry::http
