import Synthesis
import Testing

@Suite struct RandomSourceTests {
  @Test func sameKeySameSequence() {
    var a = RandomSource(1, 2, 3)
    var b = RandomSource(1, 2, 3)
    #expect((0..<100).map { _ in a.next() } == (0..<100).map { _ in b.next() })
  }

  @Test func keysThatDifferInOnePartGiveOtherSequences() {
    var firsts: [UInt64] = []
    for key in [[1, 2], [2, 1], [1, 3], [0, 0], [0, 1]] as [[UInt64]] {
      var source = RandomSource(key[0], key[1])
      firsts.append(source.next())
    }
    var short = RandomSource(1)
    firsts.append(short.next())
    #expect(Set(firsts).count == firsts.count)
  }

  @Test func unitIsUniformInItsRange() {
    var source = RandomSource(7)
    let values = (0..<20_000).map { _ in source.unit() }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    let mean = values.reduce(0, +) / Float(values.count)
    #expect(abs(mean - 0.5) < 0.01)
  }

  @Test func permutationHoldsEveryIndexOnce() {
    var source = RandomSource(9)
    let order = source.permutation(257)
    #expect(order.sorted() == Array(0..<257))
    #expect(order != Array(0..<257))
  }
}
