/// The flat vector of parameters and running statistics, cut into fixed blocks whatever the number of shards.
package struct BlockMap: Sendable, Equatable {
  package static let blockElements = 1 << 18

  /// Elements of the whole vector.
  package let elements: Int
  package let shards: Int

  package init(elements: Int, shards: Int) {
    self.elements = elements
    self.shards = shards
  }

  package var blockCount: Int { (elements + Self.blockElements - 1) / Self.blockElements }

  package func range(of block: Int) -> Range<Int> {
    block * Self.blockElements..<min((block + 1) * Self.blockElements, elements)
  }

  package func shard(of block: Int) -> Int { block % shards }

  package func blocks(of shard: Int) -> [Int] { (0..<blockCount).filter { $0 % shards == shard } }
}
