import Networks
import Pipeline
import Tensors
import Testing

/// A shard's blocks go on one by one; the bits are those of the whole vector updated at once.
@Suite struct ShardModelTests {
  private static let replicas = 5
  private let layout: ParameterLayout
  private let map: BlockMap
  private let options = SGDOptions(learningRate: 0.1)

  init() throws {
    layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 4, width: 0.25))
    map = BlockMap(elements: layout.count, shards: 1)
    try #require(map.blockCount > 1)
  }

  private func numbers(_ seed: Int) -> [Float] {
    (0..<layout.count).map { Float(($0 &* 7919 &+ seed &* 104_729) % 1009) / 1009 - 0.5 }
  }

  private func values(_ vector: [Float], _ block: Int) -> BlockValues {
    BlockValues(buffer(Array(vector[map.range(of: block)])))
  }

  private func buffer(_ values: [Float]) -> AlignedBuffer {
    let buffer = AlignedBuffer(byteCount: values.count * 4)
    _ = buffer.elements(Float.self).update(fromContentsOf: values)
    return buffer
  }

  private func blocks(_ vector: [Float]) -> [Int: AlignedBuffer] {
    Dictionary(
      uniqueKeysWithValues: (0..<map.blockCount).map { ($0, buffer(Array(vector[map.range(of: $0)]))) })
  }

  private func model() -> ShardModel {
    ShardModel(
      shard: 0, map: map, layout: layout, tree: ReplicaTree(replicas: Self.replicas), version: 0,
      parameters: blocks(numbers(100)), momentum: blocks([Float](repeating: 0, count: layout.count)))
  }

  private func sum(_ left: [Float], _ right: [Float]) -> [Float] { zip(left, right).map { $0 + $1 } }

  /// The next parameters by the definition: ((0 + 1) + (2 + 3)) + 4, then SGD on the whole vector.
  private func expected() -> [Float] {
    let all = (0..<Self.replicas).map(numbers)
    let total = sum(sum(sum(all[0], all[1]), sum(all[2], all[3])), all[4])
    var (parameters, momentum) = (numbers(100), [Float](repeating: 0, count: layout.count))
    parameters.withUnsafeMutableBufferPointer { parameters in
      momentum.withUnsafeMutableBufferPointer { momentum in
        total.withUnsafeBufferPointer { total in
          SGD.update(
            layout: layout, offset: 0, parameters: parameters, momentum: momentum, sum: total,
            scale: 1 / Float(Self.replicas), options: options)
        }
      }
    }
    return parameters
  }

  private func vector(_ model: ShardModel, at version: Int) throws -> [Float] {
    var vector = [Float](repeating: .nan, count: layout.count)
    for (block, buffer) in try #require(model.parameters(at: version)) {
      vector.replaceSubrange(map.range(of: block), with: buffer.elements(Float.self))
    }
    return vector
  }

  @Test(arguments: [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]])
  func anyOrderGivesTheSameBits(order: [Int]) throws {
    var model = model()
    for block in model.blocks {
      for replica in order {
        #expect(!model.canApply(block))
        let taken = model.take(step: 0, block: block, node: .leaf(replica), values(numbers(replica), block))
        #expect(taken == .added)
      }
      model.apply(block, options)
    }
    #expect(try vector(model, at: 1) == expected())
  }

  /// A worker may have added up an aligned range itself, also after some of it had come.
  @Test func sumsMadeElsewhereGiveTheSameBits() throws {
    var model = model()
    let pair = sum(numbers(2), numbers(3))
    let four = sum(sum(numbers(0), numbers(1)), pair)
    for block in model.blocks {
      for (node, vector) in [
        (.leaf(2), numbers(2)), (TreeNode(level: 1, index: 1), pair), (TreeNode(level: 2, index: 0), four),
        (.leaf(4), numbers(4)),
      ] {
        let taken = model.take(step: 0, block: block, node: node, values(vector, block))
        #expect(taken == .added)
      }
      model.apply(block, options)
    }
    #expect(try vector(model, at: 1) == expected())
  }

  @Test func blocksGoOnByThemselves() throws {
    var model = model()
    func take(_ block: Int, step: Int) {
      for replica in 0..<Self.replicas {
        let taken = model.take(step: step, block: block, node: .leaf(replica), values(numbers(replica), block))
        #expect(taken == .added)
      }
    }
    take(1, step: 0)
    model.apply(1, options)
    #expect(model.version == 0 && model.published(1, at: 1) != nil && model.published(1, at: 0) != nil)
    #expect(model.published(0, at: 1) == nil && model.snapshot(at: 0) == nil, "one block has gone on")
    let again = model.take(step: 0, block: 1, node: .leaf(0), values(numbers(0), 1))
    #expect(again == .duplicate, "trained again by a new incarnation")
    let unknown = model.take(step: 0, block: map.blockCount, node: .leaf(0), values(numbers(0), 0))
    let short = model.take(step: 0, block: 0, node: .leaf(0), BlockValues(buffer([1, 2])))
    #expect(unknown == .refused && short == .refused)
    for block in model.blocks where block != 1 {
      take(block, step: 0)
      model.apply(block, options)
    }
    #expect(model.version == 1)
    let tensor = try #require(model.published(1, at: 1)).tensor
    #expect(tensor == ShardModel.Published(try #require(model.published(1, at: 1)).buffer).tensor, "its checksum")
    take(0, step: 1)
    #expect(!model.canApply(0), "version 1 is not committed")
    #expect(model.snapshot(at: 1) != nil)
    model.commit(version: 1)
    #expect(model.canApply(0))
  }
}
