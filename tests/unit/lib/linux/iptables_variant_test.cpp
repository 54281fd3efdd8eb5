// Shows which of the two sets of iptables programs a node uses.

#include "lib/linux/iptables_variant.h"

#include "lib/linux/command.h"

#include <gtest/gtest.h>

namespace wherry::linux {
namespace {

TEST(ChooseIptables, WhatHoldsServicesAlready) {
  const Result<std::string> empty = std::string("*nat\nCOMMIT\n");
  const Result<std::string> used = std::string("*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n");
  const Result<std::string> absent = MakeError(Reason::kNotFound, "not installed");
  EXPECT_EQ(*ChooseIptables(empty, empty), "iptables-nft");
  EXPECT_EQ(*ChooseIptables(used, empty), "iptables-legacy");
  EXPECT_EQ(*ChooseIptables(empty, absent), "iptables-legacy");
  EXPECT_EQ(*ChooseIptables(absent, used), "iptables-nft");
  EXPECT_EQ(ChooseIptables(absent, absent).error().reason, Reason::kNotFound);
}

TEST(Command, GivesWhatTheProgramWrites) {
  const std::string much(1 << 20, 'x');
  EXPECT_EQ(*RunCommand({"cat"}, much), much);
  EXPECT_EQ(RunCommand({"no-such-program"}, "").error().reason, Reason::kNotFound);
  const auto failed = RunCommand({"cat", "/nowhere"}, "");
  EXPECT_NE(failed.error().message.find("/nowhere"), std::string::npos) << failed.error().message;
}

}  // namespace
}  // namespace wherry::linux
