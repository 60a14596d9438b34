#include "gantry/scheduling/named_nodes.hpp"

#include <gmock/gmock.h>

namespace gantry::sdk {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using Names = std::vector<std::string>;

struct NamedNodes : testing::Test {
  corev1::NodeSelectorTerm& term() {
    return *spec.mutable_affinity()
                ->mutable_node_affinity()
                ->mutable_required_during_scheduling_ignored_during_execution()
                ->add_node_selector_terms();
  }
  static void name(corev1::NodeSelectorTerm& term, const Names& names, const char* op = "In") {
    auto& field = *term.add_match_fields();
    field.set_key("metadata.name");
    field.set_operator_(op);
    for (const auto& one : names) field.add_values(one);
  }
  corev1::PodSpec spec;
};

TEST_F(NamedNodes, AnyWhereNothingOrOnlyLabelsAreRequired) {
  EXPECT_FALSE(named_nodes(spec));
  (*spec.mutable_node_selector())["disk"] = "ssd";
  EXPECT_FALSE(named_nodes(spec));
  term().add_match_expressions()->set_key("disk");
  EXPECT_FALSE(named_nodes(spec));
}

TEST_F(NamedNodes, ThoseOfAllTerms) {
  name(term(), {"b"});
  auto& both = term();
  name(both, {"a"});
  both.add_match_expressions()->set_key("disk");
  name(term(), {"b"});
  EXPECT_THAT(named_nodes(spec), Optional(ElementsAre("a", "b")));
  term().add_match_expressions()->set_key("disk");
  EXPECT_FALSE(named_nodes(spec)) << "that term may match any";
}

TEST_F(NamedNodes, WhatIsNotNamedMayBeAny) {
  name(term(), {"a"}, "NotIn");
  EXPECT_FALSE(named_nodes(spec));
}

TEST_F(NamedNodes, NoneWhereFieldsContradict) {
  auto& one = term();
  name(one, {"a"});
  name(one, {"b"});
  EXPECT_THAT(named_nodes(spec), Optional(IsEmpty()));
  term();  // matches nothing, and is none that may match any
  EXPECT_THAT(named_nodes(spec), Optional(IsEmpty()));
}

}  // namespace
}  // namespace gantry::sdk
