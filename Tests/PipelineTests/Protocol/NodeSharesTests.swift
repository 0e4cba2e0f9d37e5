import Pipeline
import Testing

@Suite struct NodeSharesTests {
  private func share(_ total: Int, _ nodes: NodeShares.Node...) -> [WorkerID: Int]? { NodeShares(nodes).share(total) }

  @Test func aTotalIsSharedOutEvenly() {
    #expect(share(5, .init(id: "a"), .init(id: "b")) == ["a": 3, "b": 2])
    #expect(share(0, .init(id: "a"), .init(id: "b")) == ["a": 0, "b": 0])
    #expect(share(1) == nil && share(0) == [:])
  }

  /// Three train workers of a and one of b hold a shard: four in all is what there is.
  @Test func workersBesideAShardStay() {
    let (a, b) = (NodeShares.Node(id: "a", least: 3), NodeShares.Node(id: "b", least: 1))
    #expect(share(4, a, b) == ["a": 3, "b": 1])
    #expect(share(6, a, b) == ["a": 3, "b": 3])
    #expect(share(7, a, b) == ["a": 4, "b": 3])
    #expect(share(3, a, b) == nil)
  }

  @Test func aSingleWorkerStaysOrGoes() {
    let (a, one) = (NodeShares.Node(id: "a"), NodeShares.Node(id: "one", most: 1))
    #expect(share(3, a, one) == ["a": 2, "one": 1])
    #expect(share(1, a, one) == ["a": 1, "one": 0], "hosts come first")
    #expect(share(1, one) == ["one": 1] && share(2, one) == nil)
  }
}
