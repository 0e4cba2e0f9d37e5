import Networks
import Pipeline
import Tensors
import Testing

/// The norm of the whole gradient: the same bits for any number of shards.
@Suite struct GradientNormsTests {
  private let elements = 7 * BlockMap.blockElements - 1000

  private func square(_ block: Int) -> Double { 1 / Double(3 * block + 1) }

  @Test(arguments: [1, 2, 3, 5, 7, 9])
  func blocksAreAddedInTheirOrder(shards: Int) throws {
    let map = BlockMap(elements: elements, shards: shards)
    var norms = GradientNorms(map: map)
    var total: Double?
    for shard in (0..<shards).reversed() {
      #expect(total == nil, "not before every shard has said its part")
      total = norms.take(shard: shard, step: 4, squares: map.blocks(of: shard).map(square))
    }
    #expect(total == (0..<7).reduce(0) { $0 + square($1) })
    #expect(norms.take(shard: 0, step: 4, squares: map.blocks(of: 0).map(square)) == total, "again, after a reminder")
  }

  @Test func whatIsNotAPartOfTheStepDoesNotCount() {
    var norms = GradientNorms(map: BlockMap(elements: elements, shards: 2))
    #expect(norms.take(shard: 2, step: 0, squares: [1]) == nil)
    #expect(norms.take(shard: 0, step: 0, squares: [1, 2, 3]) == nil, "shard 0 has four blocks")
    #expect(norms.take(shard: 0, step: 0, squares: [1, 2, 3, 4]) == nil)
    #expect(norms.take(shard: 1, step: 1, squares: [1, 2, 3]) == nil, "another step")
    #expect(norms.take(shard: 1, step: 0, squares: [1, 2, 3]) == 16)
    norms.commit(version: 1)
    #expect(norms.take(shard: 0, step: 0, squares: [1, 2, 3, 4]) == nil, "step 0 is committed and forgotten")
    norms.reset()
    #expect(norms.take(shard: 0, step: 1, squares: [1, 2, 3, 4]) == nil)
  }

  /// One step of three shards and of one, clipped by the norm of all: the same parameters, bit by bit.
  @Test func shardsClipAlike() throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 4, width: 0.25))
    let gradient = (0..<layout.count).map { Float(($0 * 7919) % 1009) / 1009 - 0.5 }
    func step(shards: Int, limit: Double?) throws -> [Float] {
      let map = BlockMap(elements: layout.count, shards: shards)
      var norms = GradientNorms(map: map)
      var models = (0..<shards).map { model(layout, map, shard: $0) }
      var square: Double?
      for shard in models.indices {
        for block in models[shard].blocks {
          let taken = models[shard].take(
            step: 0, block: block, node: .leaf(0), BlockValues(buffer(Array(gradient[map.range(of: block)]))))
          #expect(taken == .added)
        }
        #expect(models[shard].isComplete)
        let (first, second) = (models[shard].measure(), models[shard].measure())
        #expect(first && !second, "measured once")
        square = norms.take(shard: shard, step: 0, squares: try #require(models[shard].squares).values)
      }
      var options = SGDOptions(weightDecay: 0, learningRate: 1)
      if let limit { options.gradientScale = SGD.clipScale(squaredNorm: try #require(square), limit: limit) }
      for shard in models.indices {
        for block in models[shard].blocks { models[shard].apply(block, options) }
        #expect(models[shard].squares?.step == 0, "kept for a coordinator that restarts")
      }
      var vector = [Float](repeating: .nan, count: layout.count)
      for model in models {
        for (block, buffer) in model.parameters(at: 1) ?? [] {
          vector.replaceSubrange(map.range(of: block), with: buffer.elements(Float.self))
        }
      }
      return vector
    }
    let one = try step(shards: 1, limit: 2)
    #expect(try step(shards: 3, limit: 2) == one)
    #expect(try step(shards: 1, limit: nil) != one)
    #expect(try step(shards: 1, limit: 1e9) == step(shards: 1, limit: nil), "a gradient below the limit stays as it is")
    // A first step from 0 at rate 1 with Nesterov momentum 0.9 is 1.9 times the gradient, whose norm is 2.
    let norm = layout.segments.filter { $0.role == .weight || $0.role == .bias }
      .reduce(0) { $0 + one[$1.range].reduce(0) { $0 + Double($1) * Double($1) } }
    #expect(abs(norm.squareRoot() - 3.8) < 1e-4)
  }

  private func model(_ layout: ParameterLayout, _ map: BlockMap, shard: Int) -> ShardModel {
    func zeros() -> [Int: AlignedBuffer] {
      Dictionary(
        uniqueKeysWithValues: map.blocks(of: shard).map {
          ($0, buffer([Float](repeating: 0, count: map.range(of: $0).count)))
        })
    }
    return ShardModel(
      shard: shard, map: map, layout: layout, tree: ReplicaTree(replicas: 1), version: 0, parameters: zeros(),
      momentum: zeros())
  }

  private func buffer(_ values: [Float]) -> AlignedBuffer {
    let buffer = AlignedBuffer(byteCount: values.count * 4)
    _ = buffer.elements(Float.self).update(fromContentsOf: values)
    return buffer
  }
}
