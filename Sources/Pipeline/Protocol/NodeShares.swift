/// Shares a number of workers of one stage out over nodes: a pure function.
package struct NodeShares: Sendable {
  /// A node that may run workers of the stage, and how many.
  package struct Node: Sendable, Equatable {
    package var id: WorkerID
    /// Those that share their process with an average shard stay.
    package var least: Int
    /// A `sluice worker` is one.
    package var most: Int

    package init(id: WorkerID, least: Int = 0, most: Int = .max) {
      self.id = id
      self.least = least
      self.most = most
    }
  }

  private let nodes: [Node]

  /// - Parameter nodes: of two with equally many workers the first gets the next one.
  package init(_ nodes: [Node]) { self.nodes = nodes }

  /// As even as each node's least and most allow.
  /// - Returns: nil when the nodes cannot have so few or so many.
  package func share(_ total: Int) -> [WorkerID: Int]? {
    var counts = nodes.map(\.least)
    var left = total - counts.reduce(0, +)
    guard left >= 0 else { return nil }
    while left > 0 {
      let open = counts.indices.filter { counts[$0] < nodes[$0].most }
      guard let next = open.min(by: { (counts[$0], $0) < (counts[$1], $1) }) else { return nil }
      counts[next] += 1
      left -= 1
    }
    return Dictionary(uniqueKeysWithValues: zip(nodes.map(\.id), counts))
  }
}
