import Testing
import Wire

@Suite struct XXH3Tests {
  /// Values of xxHash 0.8's own sanity check and `xxhsum -H3`.
  @Test func knownValues() {
    #expect(XXH3.hash([]) == 0x2D06_8005_38D3_94C2)
    #expect(XXH3.hash(Array("abc".utf8)) == 0x78AF_5F94_892F_3950)
    #expect(XXH3.hash([], seed: 1) != XXH3.hash([]))
  }

  @Test(arguments: [0, 1, 1 << 60] as [UInt64])
  func piecesHashLikeTheWhole(seed: UInt64) {
    var generator = SeededGenerator(seed: 3)
    let bytes = (0..<5000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for count in [0, 1, 16, 17, 128, 129, 240, 241, 1024, 5000] {
      let whole = Array(bytes[..<count])
      var stream = XXH3.Stream(seed: seed)
      var start = 0
      while start < count {
        let end = min(count, start + 1 + Int(generator.next() % 300))
        stream.update(Array(whole[start..<end]))
        start = end
      }
      #expect(stream.digest() == XXH3.hash(whole, seed: seed))
    }
  }
}
