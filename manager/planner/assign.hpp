// The third pass: every resource gets its place, in the order of priorities, and promotable clones their
// promoted instances.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

[[nodiscard]] Cluster assign(Cluster cluster);

// A share of a score, rounded half away from zero; never rounded to nothing.
[[nodiscard]] Score share(Score score, std::int32_t factor);

// The sequence in which colocations have their say: by the other resource's priority, clones before groups
// before primitives, by name; of one pair the constraint that was written last goes first. `primaries`: the
// other one is the primary.
[[nodiscard]] std::vector<Colocation*> in_sequence(const std::vector<Colocation*>& colocations,
                                                   bool primaries);

// More than 0: `left` has more free of more kinds of capacity.
[[nodiscard]] int compare_free(const Node& left, const Node& right);

// The parts of the pass. `prefer`: taken when it is as good as any.
class Assigner {
  public:
    explicit Assigner(Cluster& cluster) : cluster_(cluster) {}
    Node* assign(Resource& resource, Node* prefer = nullptr);
    void sort_by_scores();

  private:
    Node* assign_primitive(Resource& resource, Node* prefer);
    Node* assign_group(Resource& group, Node* prefer);
    static void hand_down(Resource& group);
    Node* assign_clone(Resource& clone);

    // Colocations that converge are heard once for each way that leads to them: their number doubles with
    // every step, and without a bound 30 resources would take minutes. No cluster that a person can read gets
    // there.
    static constexpr int kMostVoices = 1000;
    int voices_{0};

    [[nodiscard]] Standings outlook(Resource& resource);
    void follow(Resource& resource);
    void hear_followers(Resource& resource, bool positive_only);
    void limit_role(Resource& resource) const;
    bool choose(Resource& resource, Node* prefer);
    void place(Resource& resource, Node* node, bool force);
    void unplace(Resource& resource);

    // Whether `a` is better than `b` for a resource that runs on `current`, and by what.
    [[nodiscard]] std::pair<bool, Choice> compare(const Resource& resource, std::size_t a, std::size_t b,
                                                  const Node* current) const;
    [[nodiscard]] bool better(const Resource& resource, std::size_t a, std::size_t b,
                              const Node* current) const;
    // The best `most` of the nodes where it may be, best first.
    [[nodiscard]] std::vector<std::size_t> ranked(const Resource& resource,
                                                  std::size_t most = SIZE_MAX) const;
    [[nodiscard]] bool any_usable(const Standings& standings) const;

    // Scores that the places of `dependent` lend to `scores` of the one that it wants to be with.
    // At most kMostVoices are heard for one place.
    [[nodiscard]] Standings lend(Resource& dependent, const Standings& scores, const std::string& attribute,
                                 std::int32_t factor, bool roll_back, bool positive_only);
    void lend_matching(const Resource& dependent, Standings& scores, const std::string& attribute,
                       std::int32_t factor, bool positive_only) const;
    void colocate(Resource& dependent, Resource& primary, const Colocation& colocation);
    void colocate_with_clone(Resource& dependent, Resource& clone, const Colocation& colocation);
    void colocate_with_primitive(Resource& dependent, Resource& primary, const Colocation& colocation);
    void colocate_with_promoted(Resource& dependent, Resource& clone, const Colocation& colocation);
    Resource* compatible(Resource& dependent, Resource& clone, Role role);
    // Good for as long as the cluster.
    [[nodiscard]] std::string_view attribute_of(std::size_t node, const std::string& name) const;
    [[nodiscard]] Score best_alike(const Resource& resource, std::size_t node,
                                   const std::string& attribute) const;

    void distribute(Resource& clone);
    bool place_instance(Resource& clone, Resource& instance, Node* prefer, bool all_wishes);
    void sort_instances(Resource& clone);
    [[nodiscard]] Standings wishes_about(Resource& clone);
    [[nodiscard]] int compare_instances(Resource& clone, Resource& a, Resource& b, Standings& wishes);
    void inherit_wishes(const Resource& clone, Resource& instance, bool all);
    void ban_full_nodes(const Resource& clone, Resource& instance);

    void add_promotion_scores(Resource& clone);
    void draw_promotion(Resource& instance, const Colocation& colocation, const Node& at) const;
    [[nodiscard]] Standings liking(Resource& clone);
    [[nodiscard]] bool role_here(const Resource& primary, const Colocation& colocation, const Node& at) const;
    void hear_of_promoted(Resource& clone);
    void rank_promotable(Resource& clone);
    void promote(Resource& clone);
    [[nodiscard]] std::optional<Score> promotion_score(const Resource& resource, const Node& node) const;

    Node* apply_utilization(Resource& resource);
    [[nodiscard]] Node* roomiest(const Resource& resource) const;

    Cluster& cluster_;
};

}  // namespace manager::planner
