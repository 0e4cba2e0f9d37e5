/// The norm of a step's whole gradient, from the squared norms of its blocks, without I/O.
///
/// Blocks are the same whatever the number of shards and are added in the order of their indices: the norm has the same
/// bits for any number of shards. A shard that has applied a step keeps its squares until the next one and says them
/// again to a coordinator that has restarted: others may still wait for that step's norm.
package struct GradientNorms: Sendable {
  private let map: BlockMap
  /// By step and shard, in the order of the shard's blocks.
  private var squares: [Int: [Int: [Double]]] = [:]

  package init(map: BlockMap) { self.map = map }

  /// Takes what a shard measured of `step`.
  /// - Returns: the squared norm of the whole gradient, once every shard has said its part.
  package mutating func take(shard: Int, step: Int, squares own: [Double]) -> Double? {
    guard (0..<map.shards).contains(shard), own.count == map.blocks(of: shard).count else { return nil }
    squares[step, default: [:]][shard] = own
    guard let all = squares[step], all.count == map.shards else { return nil }
    return (0..<map.blockCount).reduce(0) { sum, block in
      let shard = map.shard(of: block)
      return sum + all[shard]![block / map.shards]
    }
  }

  /// Steps before `version` are committed.
  package mutating func commit(version: Int) { squares = squares.filter { $0.key >= version } }

  /// Shards go on from a checkpoint: what they said before does not count.
  package mutating func reset() { squares = [:] }
}
